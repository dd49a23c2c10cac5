"""Who may read the inventory: the holder of a certificate this CA issued, named in the configuration."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from newel.inventory.certificate import UnreadableCertificateError, read_certificate
from newel.inventory.config import Administrator
from newel.runtime.clock import Clock
from newel.runtime.errors import ErrorType, NewelError


@dataclass(frozen=True, slots=True)
class CataloguedPeer:
    """What the catalogue holds of the certificate a client showed."""

    serial: bytes
    common_name: str
    names: tuple[str, ...]
    provisioner: str
    not_before: int
    not_after: int
    revoked: bool
    fingerprint: bytes  # SHA-256 of the DER


class Peers(Protocol):
    """Looks a certificate up in the catalogue."""

    async def peer(self, serial: bytes) -> CataloguedPeer | None:
        """The certificate with this serial; None when this CA is not known to have issued it."""
        ...


async def verify_administrator(
    certificate: bytes,
    peers: Peers,
    administrators: Sequence[Administrator],
    clock: Clock,
) -> CataloguedPeer:
    """The administrator behind a TLS client certificate (DER), whose holder has been shown to have its key.

    Raises `NewelError` for anybody else.

    1. It is a certificate.
    2. It is, octet by octet, one that this CA issued: chaining to the root is not enough.
    3. It is within its time, which may have ended since the connection was made, and not revoked,
       passively or actively.
    4. Its common name or one of its SANs, and its provisioner as recorded and not as written in it,
       are those of one configured administrator.
    """
    try:
        shown = read_certificate(certificate)
    except UnreadableCertificateError as error:  # 1
        raise _refused(str(error)) from error
    serial = shown.serial
    peer = await peers.peer(serial)
    if peer is None or peer.fingerprint != shown.fingerprint:  # 2
        raise _refused(f"certificate {serial.hex()} is not in the catalogue")
    if not peer.not_before <= clock.unix() <= peer.not_after:  # 3
        raise _refused(f"certificate {serial.hex()} is outside its time")
    if peer.revoked:
        raise _refused(f"certificate {serial.hex()} is revoked")
    own = {peer.common_name, *(name.partition(":")[2] for name in peer.names)}
    for administrator in administrators:  # 4
        if administrator.subject in own and administrator.provisioner == peer.provisioner:
            return peer
    raise _refused(f"{peer.common_name!r} by {peer.provisioner!r} is no configured administrator")


def _refused(cause: str) -> NewelError:
    return NewelError(
        ErrorType.FORBIDDEN, "This certificate is not an administrator's.", cause=cause
    )
