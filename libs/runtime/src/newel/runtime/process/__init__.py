"""A process: its configuration, context, workers and run."""
