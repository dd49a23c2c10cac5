"""Revocation of any certificate by an administrator, over HTTP."""
