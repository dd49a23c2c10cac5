"""Administrators: holders of certificates that this CA issued, named in the configuration."""

from collections.abc import Sequence
from typing import Protocol

from newel.inventory.catalogue import CertificateEntry
from newel.inventory.certificate import UnreadableCertificateError, read_certificate
from newel.inventory.config import Administrator
from newel.runtime.clock import Clock
from newel.runtime.errors import ErrorType, NewelError
from newel.runtime.http.roles import VerifiedAdministrator


class Certificates(Protocol):
    """Looks certificates up in the catalogue."""

    async def certificate(self, serial: bytes) -> CertificateEntry | None:
        """Return the certificate with this serial; None when this CA is not known to have issued it."""
        ...


async def verify_administrator(
    certificate: bytes,
    catalogue: Certificates,
    administrators: Sequence[Administrator],
    clock: Clock,
) -> VerifiedAdministrator:
    """Return the administrator behind a TLS client certificate (DER), whose key the handshake verified.

    Raises `NewelError` (forbidden) for everyone else.

    1. It is a certificate.
    2. It is, octet by octet, one that this CA issued: chaining to the root is not enough.
    3. It is valid, which may have changed since the handshake, and not revoked, passively or actively.
    4. Its common name or one of its SANs, and its provisioner as recorded and not as written in it,
       are those of one configured administrator.
    """
    try:
        shown = read_certificate(certificate)
    except UnreadableCertificateError as error:  # 1
        raise _forbidden(str(error)) from error
    serial = shown.serial
    peer = await catalogue.certificate(serial)
    if peer is None or peer.fingerprint != shown.fingerprint:  # 2
        raise _forbidden(f"certificate {serial.hex()} is not in the catalogue")
    if not peer.not_before <= clock.now() <= peer.not_after:  # 3
        raise _forbidden(f"certificate {serial.hex()} is outside its validity")
    if peer.revoked_at is not None:
        raise _forbidden(f"certificate {serial.hex()} is revoked")
    own = {peer.common_name, *(name.partition(":")[2] for name in peer.names)}
    for administrator in administrators:  # 4
        if administrator.subject in own and administrator.provisioner == peer.provisioner:
            return VerifiedAdministrator(peer.common_name, serial.hex(), administrator.role)
    raise _forbidden(f"{peer.common_name!r} by {peer.provisioner!r} is no configured administrator")


def _forbidden(cause: str) -> NewelError:
    return NewelError(
        ErrorType.FORBIDDEN, "This certificate is not an administrator's.", cause=cause
    )
