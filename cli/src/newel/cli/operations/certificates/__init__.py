"""Certificates, requests and revocation lists as the commands show them: read from DER without a library.

Nothing here decides whether anything may be trusted; that is newel.cli.operations.certificates.trust.
"""
