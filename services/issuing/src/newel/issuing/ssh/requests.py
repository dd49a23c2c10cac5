"""What callers ask of the issuing authority about SSH certificates, and what is left of it once decided."""

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import Literal, NamedTuple, TypeAlias

from newel.issuing.requests import Provisioner, RequestIdentity
from newel.issuing.ssh.issuers import SSHIssuer

SSHType: TypeAlias = Literal["user", "host"]


class SSHIssueRequest(NamedTuple):
    """A request for a new certificate, or for the successor of ``renewed_from``."""

    idempotency_key: bytes
    type: SSHType | None  # None: a type that does not exist
    public_key: bytes  # in wire form, RFC 4253 §6.6
    key_id: str
    principals: Sequence[str]
    valid_after: dt.datetime
    valid_before: dt.datetime
    critical_options: Mapping[str, str]
    extensions: Mapping[str, str]
    provisioner: Provisioner
    subject_of_proof: str
    renewed_from: bytes | None
    request_id: str


class AcceptedSSHRequest(NamedTuple):
    """Everything that the certificate will contain, except its serial number, nonce and signature."""

    request: SSHIssueRequest
    issuer: SSHIssuer
    key_digest: bytes
    accepted_at: dt.datetime

    @property
    def idempotency_key(self) -> bytes:
        """The key under which the certificate is issued once."""
        return self.request.idempotency_key

    @property
    def identity(self) -> RequestIdentity:
        """Key and digest: it never serves two public keys."""
        return self.request.idempotency_key, self.key_digest

    @property
    def request_id(self) -> str:
        """The id of the client's request."""
        return self.request.request_id

    @property
    def renewed_from(self) -> bytes | None:
        """The serial of the certificate that it renews."""
        return self.request.renewed_from
