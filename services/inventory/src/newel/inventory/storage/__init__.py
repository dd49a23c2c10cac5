"""All SQL of the inventory, by what it is for. Decides nothing the database does not decide."""
