"""`newel ca provisioner`."""
