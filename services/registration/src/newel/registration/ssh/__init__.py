"""The SSH half of the step API: certificates of users and hosts, and what both need to trust each other."""
