"""`newel crypto key`: keys in every form they are kept in."""
