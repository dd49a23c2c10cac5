"""The two databases behind one contract, with leases, lists and migrations."""
