"""`newel import`: what a step-ca issued, revoked and registered, in this authority's own databases."""
