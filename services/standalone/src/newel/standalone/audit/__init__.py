"""`newel audit`: what the audit trail says, and whether it still says all that it said."""
