"""Webhooks: servers of the operator that enrich, authorize or hear of certificates."""
