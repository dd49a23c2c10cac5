"""Which provisioners there are, and which one a token speaks of."""

import hashlib
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from newel.registration.errors import unauthorized
from newel.registration.provisioners.acme import ACMEProvisioner
from newel.registration.provisioners.jwk import JWKProvisioner
from newel.registration.provisioners.limits import Limits
from newel.registration.provisioners.provisioner import Provisioner
from newel.step.audiences import fragment
from newel.step.provisioners import (
    ACMEProvisionerConfig,
    JWKProvisionerConfig,
    ProvisionerConfig,
    identity,
    kind,
    to_public,
)
from newel.step.tokens import UnverifiedToken

_KINDS: dict[type, Callable[..., Provisioner]] = {
    JWKProvisionerConfig: JWKProvisioner,
    ACMEProvisionerConfig: ACMEProvisioner,
}
"""What makes each kind of record a provisioner. A kind that is not here is listed as unusable."""

MOST, USUAL = 100, 20
"""Provisioners on one page: at most, and when nobody says."""


class Provisioners:
    """Every provisioner at one moment, in the order they were added. Never changed, only replaced."""

    def __init__(
        self, records: Iterable[ProvisionerConfig], limits: Limits, *, active_revocation: bool
    ) -> None:
        """A record that cannot be used stays listed, with its state, and lets nobody in."""
        self._by_id: dict[str, Provisioner] = {}
        self._by_name: dict[str, Provisioner] = {}
        self._by_key: dict[str, JWKProvisioner] = {}
        self._broken: dict[str, str] = {}
        self.off: dict[str, str] = {}
        """Why each provisioner that cannot be used is off, by its name."""
        self._listed: list[dict[str, Any]] = []
        for record in records:
            make = _KINDS.get(type(record), _unsupported)
            try:
                provisioner = make(record, limits, active_revocation=active_revocation)
            except ValueError as error:
                self._broken[identity(record)] = record.name
                self.off[record.name] = str(error)
                self._listed.append(_uninitialized(record, error))
                continue
            self._by_id[provisioner.id] = provisioner
            self._by_name[provisioner.name] = provisioner
            if isinstance(provisioner, JWKProvisioner):
                self._by_key[provisioner.key_id] = provisioner
            self._listed.append(provisioner.public)
        self._cursors = [_cursor(index, item) for index, item in enumerate(self._listed)]

    def of_token(self, token: UnverifiedToken) -> Provisioner:
        """The provisioner a token claims to be of; nothing is proved yet. Raises the refusal."""
        claims = token.unverified
        named = fragment(claims.audience)
        id = named or f"{claims.iss}:{token.header.kid or ''}"  # noqa: A001 - step calls it the id
        provisioner = self._by_id.get(id)
        if provisioner is None:
            if id in self._broken:
                name = self._broken[id]
                raise unauthorized(
                    f"provisioner {name!r} could not be used when it was loaded",
                    detail=f'provisioner "{name}" is disabled due to an initialization error',
                )
            raise unauthorized(f"no provisioner {id[:128]!r}, or an audience of another authority")
        if provisioner.disabled:
            raise unauthorized(f"provisioner {provisioner.name!r} is disabled")
        return provisioner

    def of_certificate(self, type_: str, name: str, credential_id: str) -> Provisioner | None:
        """The provisioner that let a certificate through, as long as it is the same one."""
        provisioner = self._by_name.get(name)
        if provisioner is None or provisioner.kind != type_:
            return None
        return provisioner if provisioner.accepts(credential_id) else None

    def named(self, name: str) -> Provisioner | None:
        """The provisioner of this name."""
        return self._by_name.get(name)

    def counts(self) -> dict[str, int]:
        """How many provisioners let somebody in (``on``), were disabled, and cannot be used (``off``)."""
        disabled = sum(each.disabled for each in self._by_name.values())
        return {
            "on": len(self._by_name) - disabled, "disabled": disabled, "off": len(self.off),
        }  # fmt: skip

    def encrypted_key(self, key_id: str) -> str:
        """The escrowed key of a JWK provisioner, ``""`` when there is none."""
        provisioner = self._by_key.get(key_id)
        return provisioner.encrypted_key if provisioner else ""

    def page(self, cursor: str, limit: int) -> tuple[Sequence[dict[str, Any]], str]:
        """Up to ``limit`` records from a cursor on, and the cursor of the next page."""
        size = min(limit, MOST) if limit > 0 else USUAL
        start = next((i for i, own in enumerate(self._cursors) if own >= cursor), len(self._listed))
        start = 0 if not cursor else start
        end = start + size
        following = self._cursors[end] if end < len(self._cursors) else ""
        return self._listed[start:end], following


def _unsupported(record: ProvisionerConfig, *_: object, **__: object) -> Provisioner:
    raise ValueError(f"provisioners of type {kind(record)} are not supported yet")


def _uninitialized(record: ProvisionerConfig, error: ValueError) -> dict[str, Any]:
    return {**to_public(record), "state": "Uninitialized", "stateReason": str(error)[:200]}


def _cursor(index: int, item: dict[str, Any]) -> str:
    """Sorts in the order of insertion and does not change when others come and go."""
    digest = hashlib.sha256(f"{item['type']}/{item['name']}".encode()).hexdigest()
    return f"{index:08x}{digest[:32]}"
