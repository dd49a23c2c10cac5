"""The commands of `newel ssh`."""
