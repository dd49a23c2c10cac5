"""`newel crypto otp`: time-based one-time passwords (RFC 6238)."""
