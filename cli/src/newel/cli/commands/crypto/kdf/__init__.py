"""`newel crypto kdf`: passwords as PHC strings."""
