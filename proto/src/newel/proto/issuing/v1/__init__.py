"""The contracts of the issuing authority, version 1."""
