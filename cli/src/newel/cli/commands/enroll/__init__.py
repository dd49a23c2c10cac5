"""`newel enroll`: devices, factors and keys that are to be trusted from now on."""
