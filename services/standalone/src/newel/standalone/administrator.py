"""The first administrator: a certificate that opens the inventory and the alerts on this machine.

The first start makes the key and names the subject in ca.json; with the key there, the authority issues the
certificate when it serves for the first time and renews it before the inventory would call it late. What ends
it: revoking the certificate, taking the subject out of ``newel.inventory.administrators``, removing its
provisioner, or removing the key.
"""

import hashlib
import logging
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import grpc.aio
from cryptography import x509

from newel.crypto import keys, pem
from newel.crypto.loading import load_certificate
from newel.inventory.config import Administrator
from newel.proto.issuing.v1 import issuing_pb2 as pb
from newel.proto.issuing.v1.issuing_pb2_grpc import IssuanceStub, RepositoryStub
from newel.runtime.audit import Audit
from newel.runtime.background import Failure
from newel.runtime.clock import Clock
from newel.runtime.entropy import random_hex
from newel.runtime.errors import NewelError
from newel.runtime.rpc.wire import error_from_call, error_from_proto
from newel.standalone.layout import Layout
from newel.standalone.settings import Settings

SUBJECT = "administrator"
PROVISIONER = "admin"
RENEW_AFTER = 0.7
"""Of the certificate's life: after the command line has renewed what it uses, before anyone is alerted."""
EVERY = 60.0
"""Seconds between looks."""

_COMMON_NAME = "2.5.4.3"
_DEADLINE = 12.0
_log = logging.getLogger("newel.standalone.administrator")


def make_key(layout: Layout) -> None:
    """Write a new key that only its owner can read, in place of one that a half first start left."""
    layout.administrator_key.unlink(missing_ok=True)
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL
    with os.fdopen(os.open(layout.administrator_key, flags, 0o600), "wb") as file:
        file.write(keys.plain_private_key(keys.generate()))


class FirstAdministrator:
    """Keeps the certificate in the state folder valid, as long as the configuration names its subject."""

    def __init__(
        self, settings: Settings, channel: grpc.aio.Channel, clock: Clock, audit: Audit
    ) -> None:
        self._layout = settings.layout
        self._issuer_file = Path(settings.ca.crt)
        administrators = settings.newel.inventory.administrators
        self._provisioner = find_provisioner(administrators, settings.authority.provisioners or ())
        self._issuance: Any = IssuanceStub(channel)
        self._repository: Any = RepositoryStub(channel)
        self._clock = clock
        self._audit = audit
        self._refused: bytes | None = None

    async def keep(self) -> Failure | None:
        """Look once, and issue or renew what is due. A failure is logged and tried again at the next look."""
        if self._provisioner is None or not self._layout.administrator_key.exists():
            return None
        try:
            await self._keep(self._provisioner)
        except (NewelError, OSError, ValueError) as error:
            cause = error.cause if isinstance(error, NewelError) else str(error)
            _log.warning(
                "the first administrator's certificate could not be issued or renewed: %s", cause
            )
            return Failure.REPORTED
        return None

    async def _keep(self, provisioner: pb.Provisioner) -> None:
        current = read(self._layout.administrator_certificate)
        if current is None:
            await self._issue(provisioner, "issued")
            return
        der, certificate = current
        begin, end = certificate.not_valid_before_utc, certificate.not_valid_after_utc
        now = self._clock.now()
        if now < begin + (end - begin) * RENEW_AFTER or der == self._refused:
            return
        if await self._is_revoked(der):
            self._refused = der  # so it is said once
            self._audit.record(
                "first-administrator",
                "refused",
                cause="the certificate is revoked or not ours",
                serial=f"{certificate.serial_number:x}",
            )
            return
        if now <= end:
            await self._renew(provisioner, der)
        else:
            await self._issue(provisioner, "issued again")

    async def _is_revoked(self, der: bytes) -> bool:
        lookup = pb.GetCertificateRequest(lookups=[pb.Lookup(certificate=der)])
        try:
            answer = await self._repository.GetCertificate(lookup, timeout=_DEADLINE)
        except grpc.RpcError as error:
            raise error_from_call(error) from error
        record = answer.records[0]
        return not record.der or record.HasField("revoked")

    async def _issue(self, provisioner: pb.Provisioner, outcome: str) -> None:
        key = keys.load_private_key(self._layout.administrator_key.read_bytes())
        spki = keys.spki(key.public_key())
        # workers that look in the same minute get one certificate
        moment = f"{self._clock.unix() // 60:.0f}".encode()
        request = pb.Request(
            idempotency_key=hashlib.sha256(b"first administrator" + spki + moment).digest()[:24],
            profile="leaf",
            public_key=spki,
            subject=[pb.Attribute(oid=_COMMON_NAME, value=SUBJECT)],
            names=[pb.GeneralName(dns=SUBJECT)],
            provisioner=provisioner,
            subject_of_proof=SUBJECT,
        )
        await self._take(self._issuance.Issue, pb.IssueRequest(requests=[request]), outcome)

    async def _renew(self, provisioner: pb.Provisioner, der: bytes) -> None:
        renewal = pb.Renewal(
            idempotency_key=hashlib.sha256(b"first administrator" + der).digest()[:24],
            certificate=der,
            provisioner=provisioner,
        )
        await self._take(self._issuance.Renew, pb.RenewRequest(renewals=[renewal]), "renewed")

    async def _take(self, call: Any, message: object, outcome: str) -> None:
        try:
            answer = await call(message, timeout=_DEADLINE)
        except grpc.RpcError as error:
            raise error_from_call(error) from error
        (result,) = answer.results
        if result.HasField("error"):
            raise error_from_proto(result.error)
        chain = pem.encode(result.certificate.der) + self._issuer_file.read_bytes()
        replace(self._layout.administrator_certificate, chain)
        self._audit.record(
            "first-administrator", outcome, serial=result.certificate.serial.hex(), subject=SUBJECT
        )


def find_provisioner(
    administrators: Sequence[Administrator], provisioners: Sequence[dict[str, Any]]
) -> pb.Provisioner | None:
    """Find the JWK provisioner under which the subject is an administrator; return None without one."""
    names = {each.provisioner for each in administrators if each.subject == SUBJECT}
    for each in provisioners:
        if each.get("type") == "JWK" and each.get("name") in names:
            key: dict[str, Any] = each.get("key") or {}
            claims: dict[str, Any] = each.get("claims") or {}
            return pb.Provisioner(
                type="JWK",
                name=str(each["name"]),
                credential_id=str(key.get("kid", "")),
                renewable=not claims.get("disableRenewal", False),
            )
    return None


def read(path: Path) -> tuple[bytes, x509.Certificate] | None:
    """Read the certificate in a file; return None without a file. Raises ValueError."""
    try:
        der = pem.decode_all(path.read_bytes())[0]
    except FileNotFoundError:
        return None
    return der, load_certificate(der)


def replace(path: Path, data: bytes) -> None:
    """Put a public file in the place of another, in one step."""
    temporary = path.with_name(f".{path.name}.{random_hex(4)}")
    try:
        temporary.write_bytes(data)
        temporary.chmod(0o644)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
