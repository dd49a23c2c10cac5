"""SSH certificates (PROTOCOL.certkeys of OpenSSH), issued in the same nine steps as X.509 certificates."""
