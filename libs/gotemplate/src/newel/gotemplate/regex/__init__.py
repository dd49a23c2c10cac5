"""Regular expressions in RE2's syntax, matched in time proportional to text and pattern."""
