"""SSH certificates that another program issued with the same keys before."""

import datetime as dt
import hashlib
from collections.abc import Sequence
from typing import NamedTuple

from newel.crypto.ssh import certificates, key_quality
from newel.crypto.ssh.certificates import Certificate
from newel.crypto.ssh.public_keys import format_key
from newel.crypto.ssh.wire import string
from newel.issuing.assembly import WrongSignatureError
from newel.issuing.records import Intent
from newel.issuing.requests import Provisioner
from newel.issuing.ssh.building import SERIAL_OCTETS, assemble_ssh
from newel.issuing.ssh.issuers import SSHIssuer

_UNKNOWN = Provisioner("", "", "", (), renewable=True, hide_extension=False)


class ForeignSSHCertificate(NamedTuple):
    """One certificate in wire form. Which provisioner admitted it is not recorded anywhere."""

    wire: bytes


class SSHReader:
    """Reads SSH certificates that an issuer of this configuration signed."""

    def __init__(self, issuers: Sequence[SSHIssuer]) -> None:
        self._issuers = {issuer.wire: issuer for issuer in issuers}

    def read(self, given: ForeignSSHCertificate, now: dt.datetime) -> tuple[Intent, bytes]:
        """Return the record of a certificate and its signature. Raises ValueError that says why not."""
        parsed = certificates.parse(given.wire)
        issuer = self._find_issuer(parsed)
        signature = string(parsed.signature_type.encode()) + string(parsed.signature)
        intent = Intent(
            idempotency_key=b"",
            serial=self.serial_octets(parsed.serial),
            issuer=issuer.id,
            profile=issuer.type,
            tbs=given.wire.removesuffix(string(signature)),
            not_after=certificates.moment(parsed.valid_before),
            key_digest=_digest_key(parsed.public_key),
            provisioner=_UNKNOWN,
            subject_of_proof="",
            renewed_from=None,
            created_at=min(certificates.moment(parsed.valid_after), now),
        )
        try:
            assemble_ssh(issuer, intent, signature)
        except WrongSignatureError as error:
            raise ValueError(str(error)) from None
        return intent, signature

    def name(self, given: ForeignSSHCertificate) -> str:
        """Return the serial number in decimal, or that it is none."""
        try:
            return str(certificates.parse(given.wire).serial)
        except ValueError:
            return "no certificate"

    def serial_octets(self, number: int) -> bytes:
        """Return a serial number as records have it. Raises ValueError for what is none."""
        if not 0 < number < 1 << 8 * SERIAL_OCTETS:
            raise ValueError(f"{number} is no serial number of an SSH certificate")
        return number.to_bytes(SERIAL_OCTETS)

    def find_heir(self) -> tuple[str, dt.datetime]:
        """Raise ValueError: there are an issuer of users and one of hosts, and a revocation names neither."""
        raise ValueError("its certificate is not on record")

    def _find_issuer(self, parsed: Certificate) -> SSHIssuer:
        issuer = self._issuers.get(parsed.signature_key)
        if issuer is None:
            name = format_key(parsed.signature_key)
            raise ValueError(f"signed by {name}, which is no SSH key here")
        if issuer.type != parsed.kind:
            raise ValueError(f"a certificate of a {parsed.kind} by the key for a {issuer.type}")
        return issuer


def _digest_key(wire: bytes) -> bytes:
    """Return the digest by which a key is blocked: of one that cannot be read, the wire form's."""
    try:
        spki = key_quality.read_spki(wire)
    except key_quality.UnusableKeyError:
        spki = wire
    return hashlib.sha256(spki).digest()
