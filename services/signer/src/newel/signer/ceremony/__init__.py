"""The ceremony: the keys and certificates that no running service can make, made once, offline."""
