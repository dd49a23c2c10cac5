"""`newel crypto hash`: digests of files and whole directories."""
