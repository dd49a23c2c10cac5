"""The issuing authority: decides, records and issues certificates."""
