"""Clients without a token: the certificate of the TLS connection, and the provisioner it is for."""

import datetime as dt
from collections.abc import Sequence
from typing import NamedTuple
from urllib.parse import parse_qs

from newel.crypto import der
from newel.crypto.reader.certificates import Certificate, parse_certificate
from newel.registration.errors import malformed_error, unauthorized_error
from newel.registration.provisioners.grant import Grant
from newel.registration.provisioners.mtls import MTLSProvisioner
from newel.registration.provisioners.registry import Provisioners
from newel.runtime.errors import NewelError

_MAX_QUERY, _MAX_FIELDS = 1024, 16
_MAX_CANDIDATES = 8
"""Provisioners tried for a client that names none."""


class Client(NamedTuple):
    """A client that TLS proved to have the key of its certificate."""

    certificate: bytes
    """DER."""
    provisioner: str = ""
    """The one it names; ``""``: the only one that accepts the certificate."""


def read_client(chain: Sequence[bytes], query: bytes) -> Client | None:
    """Return the client of a connection, with the ``provisioner`` of the query; None without one.

    Raises ``malformed`` for a query of too many fields.
    """
    if not chain:
        return None
    try:
        values = parse_qs(query[:_MAX_QUERY].decode("latin-1"), max_num_fields=_MAX_FIELDS)
    except ValueError as error:
        raise malformed_error("the query cannot be read", cause=str(error)) from None
    return Client(chain[0], values.get("provisioner", [""])[0])


def authorize_client(
    provisioners: Provisioners, client: Client | None, now: dt.datetime
) -> tuple[MTLSProvisioner, Grant]:
    """Find the provisioner that accepts a client and return its grant. Raises NewelError.

    A client that names no provisioner must be accepted by exactly one.
    """
    if client is None or not provisioners.has_mtls:
        raise malformed_error("missing ott")
    try:
        issuer = parse_certificate(client.certificate).issuer
    except der.DERError as error:
        raise unauthorized_error(f"the client certificate cannot be read: {error}") from None
    candidates = provisioners.by_issuer(issuer)
    if client.provisioner:
        candidates = [each for each in candidates if each.name == client.provisioner]
    accepted = _accept(candidates[: _MAX_CANDIDATES + 1], client.certificate, now)
    if len(accepted) > 1 or len(candidates) > _MAX_CANDIDATES:
        raise malformed_error(
            "several provisioners accept the client certificate; name one: /sign?provisioner=NAME"
        )
    ((provisioner, path),) = accepted
    return provisioner, provisioner.authorize_client(path)


def _accept(
    candidates: Sequence[MTLSProvisioner], certificate: bytes, now: dt.datetime
) -> list[tuple[MTLSProvisioner, list[Certificate]]]:
    """Return those that accept a certificate, at least one. Raises the last one's reason, or its own."""
    found: list[tuple[MTLSProvisioner, list[Certificate]]] = []
    problem = unauthorized_error("no such mTLS provisioner accepts certificates of this issuer")
    for each in candidates:
        try:
            found.append((each, each.verify(certificate, now)))
        except NewelError as error:
            problem = error
    if not found:
        raise problem
    return found
