"""The command line in one file that any Python of the same version runs; see `make dist`."""
