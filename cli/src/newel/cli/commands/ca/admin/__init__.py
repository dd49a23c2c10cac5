"""The commands of `newel ca admin`."""
