"""Remote management: the session of an administrator, and what it lists."""
