"""The key revocation list of SSH certificates: what sshd's RevokedKeys names."""
