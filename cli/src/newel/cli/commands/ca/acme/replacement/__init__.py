"""The commands of `newel ca acme replacement`."""
