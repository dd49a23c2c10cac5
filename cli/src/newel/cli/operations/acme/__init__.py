"""Certificates by ACME: `ca certificate --acme` and its kin."""
