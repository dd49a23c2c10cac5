"""What single commands of the toolkit are made of: digests, codes, passwords, signatures."""
