"""The contracts of the signer, version 1."""
