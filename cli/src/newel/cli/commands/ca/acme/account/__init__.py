"""The commands of `newel ca acme account`."""
