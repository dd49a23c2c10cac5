"""The inventory's lists on the command line: asking, and showing what comes back."""
