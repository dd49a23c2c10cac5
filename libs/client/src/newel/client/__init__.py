"""The Python SDK: certificates that renew themselves."""
