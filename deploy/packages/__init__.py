"""What a release consists of beside the wheels: Debian's packages; see `make dist`."""
