"""`newel config`: what is wrong with a configuration, and what it amounts to."""
