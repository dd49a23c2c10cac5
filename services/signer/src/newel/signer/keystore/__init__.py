"""Where keys live: encrypted files and PKCS #11 tokens. Key hardware is touched nowhere else."""
