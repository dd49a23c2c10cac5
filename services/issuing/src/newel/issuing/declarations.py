"""Declarations that a key is compromised: it is blocked, whether or not a certificate here has it.

What is on the key is revoked by the work of ``compromise.py``, which finds it by the blocked key.
"""

from collections.abc import Sequence
from typing import NamedTuple, Protocol

from newel.issuing.decisions import AuditTrail, Decision, Operation, Result
from newel.issuing.records import BlockedKey
from newel.issuing.requests import malformed_error
from newel.issuing.revocation import clean_text
from newel.runtime.clock import Clock

_DIGEST = 32


class KeyDeclaration(NamedTuple):
    """A key that someone says is compromised: the SHA-256 of its SubjectPublicKeyInfo, and why."""

    digest: bytes
    reason_text: str
    active: bool
    """Whether the certificates on it are revoked actively."""
    actor: str
    request_id: str


class BlockedKeyStore(Protocol):
    """The blocked keys."""

    async def block(self, keys: Sequence[BlockedKey]) -> list[bool]:
        """Block keys; False where that changes nothing, because one was blocked in this way before."""
        ...


class KeyDeclarations:
    """Blocks the keys that are declared compromised, and writes it down."""

    def __init__(self, store: BlockedKeyStore, clock: Clock, trail: AuditTrail) -> None:
        self._store = store
        self._clock = clock
        self._trail = trail

    async def declare(self, declarations: Sequence[KeyDeclaration]) -> list[bool]:
        """Block keys, and tell of each whether it was not blocked before. Raises ``malformed``."""
        if any(len(each.digest) != _DIGEST for each in declarations):
            raise malformed_error("the SHA-256 of a key has 32 octets")
        now = self._clock.now()
        blocks = [
            BlockedKey(each.digest, _describe(each), each.active, each.actor, now)
            for each in declarations
        ]
        changed = await self._store.block(blocks)
        self._trail.record(list(map(_decide, declarations, changed)))
        return changed


def _describe(declaration: KeyDeclaration) -> str:
    text = clean_text(declaration.reason_text)
    return f"declared compromised: {text}" if text else "declared compromised"


def _decide(declaration: KeyDeclaration, changed: bool) -> Decision:
    facts = {
        "key_digest": declaration.digest.hex(),
        "active": declaration.active,
        "actor": declaration.actor,
        "request_id": declaration.request_id,
        "blocked_before": not changed,
    }
    return Decision(Operation.BLOCK_KEY, Result.GRANTED, facts)
