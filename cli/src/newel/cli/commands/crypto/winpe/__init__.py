"""`newel crypto winpe`: signed Windows executables."""
