"""The validation authority: CRLs and OCSP."""
