"""The parser: grammar tables, the typed options of every command, and the groups of flags that commands share."""
