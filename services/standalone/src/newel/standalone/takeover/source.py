"""The stores of step-ca: tables of keys and values, whatever holds them."""

from collections.abc import AsyncIterator
from typing import NamedTuple, Protocol

CERTIFICATES = "x509_certs"
CERTIFICATES_DATA = "x509_certs_data"
REVOKED = "revoked_x509_certs"
ACCOUNTS = "acme_accounts"
ACME_CERTIFICATES = "acme_certs"
EXTERNAL_KEYS = "acme_external_account_keys"
PROVISIONERS = "provisioners"
ADMINISTRATORS = "admins"
POLICIES = "authority_policies"
USED_TOKENS = "used_ott"
SSH_CERTIFICATES = "ssh_certs"
SSH_REVOKED = "revoked_ssh_certs"
SSH_HOSTS = "ssh_host_principals"

EXPIRED = "a token is valid for minutes, and refused by its own expiry afterwards"
"""Why the uses of most tokens are not taken over."""

LEFT_OUT = {
    "ssh_hosts": "ssh_host_principals has the same hosts",
    "ssh_users": "ssh_certs has the certificates of the same users",
    "nonces": "a client fetches another one",
    "acme_orders": "a client whose order is under way begins again",
    "acme_authzs": "a client whose order is under way begins again",
    "acme_challenges": "a client whose order is under way begins again",
    "x509_crl": "lists are made from the revocations",
    "wire_acme_dpop_token": "the challenges of Wire are not offered",
    "wire_acme_oidc_token": "the challenges of Wire are not offered",
}
"""Tables that are not taken over, and why. Indexes, which repeat other tables, are not listed."""


class SourceError(Exception):
    """A store that cannot be read; the message is one line for the operator."""


class Entry(NamedTuple):
    """One row of a table."""

    key: bytes
    value: bytes


class Source(Protocol):
    """A store, read in one pass per table."""

    async def count(self, table: str) -> int:
        """Count the rows of a table; 0 where there is no such table. Raises SourceError."""
        ...

    def rows(self, table: str) -> AsyncIterator[Entry]:
        """Iterate over a table in the order of ``sort_key``, in bounded memory. Raises SourceError."""
        ...

    def sort_key(self, key: bytes) -> bytes:
        """Return what the rows of every table are ordered by."""
        ...

    async def close(self) -> None:
        """Close it."""
        ...
