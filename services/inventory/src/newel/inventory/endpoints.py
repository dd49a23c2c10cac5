"""Assigns certificates to endpoints.

An endpoint is the person, device or workload a certificate is issued to. The rules:

- A certificate issued under a provisioner with renewal enabled opens a new endpoint, whatever
  its subject.
- A renewal joins the endpoint of the certificate it renews.
- Under a provisioner with renewal disabled, certificates with identical subjects (common name
  and SANs, ignoring order and case) are one endpoint.
- ACME clients renew by a new order (RFC 8555 has no other way), so the orders of one account for the
  same identifiers are one endpoint, whether the provisioner also allows renewal or not.
- SSH certificates that one provisioner issued to one host (key id and principals) are one endpoint,
  also when the host enrols again; and so are those to one person (the proved subject).
- The authority issues its own server certificates without a provisioner. All that a part of it shows
  under one common name, by any worker and after any restart, are one endpoint.

An endpoint's id follows from what opened it, so that every replica, and every delivery of the same
event, arrives at the same one, and so that a renewal seen before the certificate it renews can wait
in the endpoint that certificate would have opened.
"""

import hashlib
from typing import NamedTuple

from newel.inventory.certificate import SSH_HOST, X509, CertificateFacts

ACME = "ACME"
"""The provisioner type whose clients renew by a new order."""


class CertificateRecord(NamedTuple):
    """One issued certificate as the issuing authority reported it."""

    serial: bytes  # big-endian, no leading zero octet
    issuer: str  # the issuer's id
    facts: CertificateFacts
    provisioner: str
    provisioner_type: str
    renewable: bool  # the provisioner's claims allow renewal
    issued_at: int  # seconds since 1970
    renewed_from: bytes  # serial; empty for a first certificate
    proof: str  # whom the provisioner proved: a token's subject, an ACME account, a part of the authority


def own_endpoint(serial: bytes) -> str:
    """Return the id of the endpoint that the certificate with this serial opens."""
    return f"c-{serial.hex()}"


def subject_endpoint(facts: CertificateFacts) -> str:
    """Return the id of the endpoint that all certificates with this subject share."""
    names = sorted({name.casefold() for name in facts.names})
    return f"s-{_digest(facts.common_name.casefold(), *names)}"


def first_endpoint(record: CertificateRecord) -> str:
    """Return the endpoint of a certificate that renews none.

    A certificate without any name identifies no one, so it shares its endpoint with no other.
    """
    facts = record.facts
    if facts.type != X509:
        return ssh_endpoint(record)
    if not record.provisioner_type and record.proof:
        return f"o-{_digest(record.proof, facts.common_name.casefold())}"
    if not facts.common_name and not facts.names:
        return own_endpoint(record.serial)
    if not record.renewable:
        return subject_endpoint(facts)
    if record.provisioner_type == ACME and record.proof:
        return account_endpoint(record.provisioner, record.proof, facts)
    return own_endpoint(record.serial)


def ssh_endpoint(record: CertificateRecord) -> str:
    """Return the id of the endpoint of one host, or of one person, under one provisioner."""
    facts = record.facts
    if facts.type == SSH_HOST:
        names = sorted({name.casefold() for name in facts.names})
        return f"h-{_digest(record.provisioner, facts.common_name.casefold(), *names)}"
    return f"u-{_digest(record.provisioner, record.proof or facts.common_name)}"


def account_endpoint(provisioner: str, account: str, facts: CertificateFacts) -> str:
    """Return the id of the endpoint of one ACME account's certificates for these identifiers.

    The common name is no part of it: the CSR of each order chooses one of the identifiers.
    """
    names = sorted({name.casefold() for name in facts.names}) or [facts.common_name.casefold()]
    return f"a-{_digest(provisioner, account, *names)}"


def _digest(*parts: str) -> str:
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:32]


class Placement(NamedTuple):
    """A certificate and the endpoint it belongs to."""

    record: CertificateRecord
    endpoint: str


def place(records: list[CertificateRecord], known: dict[bytes, str]) -> list[Placement]:
    """Assign each record its endpoint; ``known`` holds the endpoints of catalogued certificates.

    A renewal may stand before what it renews in the same list. One whose predecessor is neither
    catalogued nor in the list is put where that predecessor would have opened an endpoint; when it
    turns up and belongs elsewhere, `find_displaced` names the endpoint to merge.
    """
    waiting = {record.serial: record for record in records}
    placed: dict[bytes, Placement] = {}
    for record in records:
        chain = [record]
        while (parent := waiting.get(chain[-1].renewed_from)) and parent not in chain:
            chain.append(parent)
        for link in reversed(chain):
            if link.serial not in placed:
                placed[link.serial] = Placement(link, _endpoint(link, known, placed))
    return list(placed.values())


def _endpoint(
    record: CertificateRecord, known: dict[bytes, str], placed: dict[bytes, Placement]
) -> str:
    if not record.renewed_from:
        return first_endpoint(record)
    if record.renewed_from in placed:
        return placed[record.renewed_from].endpoint
    return known.get(record.renewed_from) or own_endpoint(record.renewed_from)


def find_displaced(placed: list[Placement]) -> dict[str, str]:
    """Map endpoint ids under which renewals of these certificates may be waiting to where they belong."""
    return {
        own: each.endpoint
        for each in placed
        if (own := own_endpoint(each.record.serial)) != each.endpoint
    }
