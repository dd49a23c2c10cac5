"""One-time tokens: by which provisioner, signed by which key."""
