"""The `crl` commands."""
