"""Reads the keys of certificates that earlier versions catalogued without them.

The catalogue has no certificates, so the issuing authority is asked for each. Until all are read, no
list of the certificates on a key would be whole, and none is given.
"""

from collections.abc import Awaitable, Callable, Sequence
from typing import NamedTuple, Protocol

import grpc

from newel.inventory.certificate import (
    X509,
    CertificateFacts,
    UnreadableCertificateError,
    read_certificate,
)
from newel.inventory.ssh_certificate import read_ssh_certificate
from newel.proto.issuing.v1 import issuing_pb2 as pb
from newel.runtime.rpc.wire import error_from_call

_BATCH = 64
_BATCHES = 200
"""Of one run, so that it ends in seconds."""
_SECONDS = 5.0
_SSH_OCTETS = 8

Get = Callable[..., Awaitable[pb.GetCertificateResponse]]


class KeylessCertificate(NamedTuple):
    """A certificate whose key was not read."""

    serial: bytes
    type: str


class KeyStorage(Protocol):
    """The rows without a key."""

    async def list_keyless(self, limit: int) -> Sequence[KeylessCertificate]:
        """List certificates whose keys were not read."""
        ...

    async def set_keys(self, keys: Sequence[tuple[bytes, bytes]]) -> None:
        """Store the digests of keys by serial; empty for one that cannot be read."""
        ...


class Repository(Protocol):
    """The reading half of the issuing authority that is needed here: its generated stub fits."""

    @property
    def GetCertificate(self) -> Get:  # noqa: N802 - the contract's name
        """Return the records of certificates."""
        ...

    @property
    def GetSSHCertificate(self) -> Get:  # noqa: N802 - the contract's name
        """Return the records of SSH certificates."""
        ...


class KeyReader:
    """Fills in the keys, a part in each run, until there is none left."""

    def __init__(self, storage: KeyStorage, repository: Repository) -> None:
        self._storage = storage
        self._repository = repository

    async def run(self) -> int:
        """Read keys; return how many. Raises `NewelError` while the issuing authority does not answer."""
        count = 0
        for _ in range(_BATCHES):
            found = await self._storage.list_keyless(_BATCH)
            if not found:
                break
            x509 = [each.serial for each in found if each.type == X509]
            ssh = [each.serial for each in found if each.type != X509]
            keys = [
                *await _read(x509, self._repository.GetCertificate, read_certificate, 0),
                *await _read(
                    ssh, self._repository.GetSSHCertificate, read_ssh_certificate, _SSH_OCTETS
                ),
            ]
            await self._storage.set_keys(keys)
            count += len(keys)
        return count


async def _read(
    serials: Sequence[bytes], get: Get, read: Callable[[bytes], CertificateFacts], size: int
) -> list[tuple[bytes, bytes]]:
    """Return serials with the digests of their keys."""
    if not serials:
        return []
    lookups = [pb.Lookup(serial=each.rjust(size, b"\0")) for each in serials]
    try:
        answer = await get(pb.GetCertificateRequest(lookups=lookups), timeout=_SECONDS)
    except grpc.RpcError as error:
        raise error_from_call(error) from error
    found: list[tuple[bytes, bytes]] = []
    for serial, record in zip(serials, answer.records, strict=True):
        try:
            digest = read(record.der).key_digest if record.der else b""
        except UnreadableCertificateError:
            digest = b""
        found.append((serial, digest))
    return found
