"""The contracts of the issuing authority."""
