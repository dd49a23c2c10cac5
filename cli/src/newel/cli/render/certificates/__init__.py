"""Certificates, requests and revocation lists as text and JSON."""
