"""All SQL of alerting. Decides nothing that the database does not decide itself."""
