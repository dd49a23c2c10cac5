"""The contracts of the signer."""
