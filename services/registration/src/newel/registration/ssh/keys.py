"""The public keys that SSH certificates are trusted by, as the issuing authority lists them now."""

import base64
from collections.abc import Collection, Mapping, Sequence
from typing import NamedTuple

import msgspec

from newel.registration.ssh_issuance import SSHIssuance, SSHType
from newel.step.ssh_messages import SSHKeysResponse

_encode = msgspec.json.Encoder().encode


class ForeignKey(NamedTuple):
    """A key of another authority, in wire form; ``is_federated`` ones are trusted by clients alone."""

    type: SSHType
    wire: bytes
    is_federated: bool


class SSHKeys:
    """A snapshot of the keys, which :meth:`refresh` replaces."""

    def __init__(self, issuance: SSHIssuance, foreign: Sequence[ForeignKey]) -> None:
        self._issuance = issuance
        self._foreign = foreign
        self.trusted: Mapping[str, Collection[bytes]] = {}
        """Keys by type, in wire form: those of this authority, and further ones it trusts."""
        self.known: Mapping[str, Sequence[bytes]] = {}
        """Keys by type that clients and hosts are told of, this authority's own first."""
        self.roots: bytes | None = None
        """The answer to ``/ssh/roots``; None where there are no keys."""
        self.federation: bytes | None = None

    async def refresh(self) -> None:
        """Ask the issuing authority for its keys. Raises NewelError."""
        own = [(each.type, each.public_key) for each in await self._issuance.issuers()]
        trusted = [
            *own,
            *((each.type, each.wire) for each in self._foreign if not each.is_federated),
        ]
        everyone = [*own, *((each.type, each.wire) for each in self._foreign)]
        self.trusted = {kind: frozenset(_of(trusted, kind)) for kind in ("user", "host")}
        self.known = {kind: _of(everyone, kind) for kind in ("user", "host")}
        self.roots, self.federation = _response(trusted), _response(everyone)


def _of(keys: Sequence[tuple[str, bytes]], kind: str) -> list[bytes]:
    return list(dict.fromkeys(wire for own, wire in keys if own == kind))


def _response(keys: Sequence[tuple[str, bytes]]) -> bytes | None:
    if not keys:
        return None
    texts = {
        kind: [base64.b64encode(wire).decode() for wire in _of(keys, kind)]
        for kind in ("user", "host")
    }
    return _encode(SSHKeysResponse(texts["user"], texts["host"])) + b"\n"
