"""SSH keys and certificates, and the agent that holds them, as octets."""
