"""The signer: the only process that can use a CA key."""
