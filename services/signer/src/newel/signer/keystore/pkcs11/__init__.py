"""Keys in a PKCS #11 token: the library, the token, its keys and their making."""
