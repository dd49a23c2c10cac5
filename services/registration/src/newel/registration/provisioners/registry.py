"""The configured provisioners, and which of them a token or a certificate belongs to."""

import hashlib
from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, NamedTuple, TypeVar

from newel.registration.errors import unauthorized_error
from newel.registration.issuance import ProvisionerRef
from newel.registration.paging import bound_limit
from newel.registration.provisioners.acme import ACMEProvisioner
from newel.registration.provisioners.aws.provisioner import AWSProvisioner
from newel.registration.provisioners.azure import AzureProvisioner
from newel.registration.provisioners.gcp import GCPProvisioner
from newel.registration.provisioners.jwk import JWKProvisioner
from newel.registration.provisioners.k8ssa import K8sSAProvisioner
from newel.registration.provisioners.mtls import MTLSProvisioner
from newel.registration.provisioners.nebula import NebulaProvisioner
from newel.registration.provisioners.oidc import OIDCProvisioner
from newel.registration.provisioners.provisioner import (
    Provisioner,
    ProvisionerContext,
    Selector,
)
from newel.registration.provisioners.scep import SCEPProvisioner
from newel.registration.provisioners.sshpop import SSHPOPProvisioner
from newel.registration.provisioners.x5c import X5CProvisioner
from newel.step.audiences import fragment
from newel.step.provisioners import (
    ACMEProvisionerConfig,
    AWSProvisionerConfig,
    AzureProvisionerConfig,
    GCPProvisionerConfig,
    JWKProvisionerConfig,
    K8sSAProvisionerConfig,
    MTLSProvisionerConfig,
    NebulaProvisionerConfig,
    OIDCProvisionerConfig,
    ProvisionerConfig,
    SCEPProvisionerConfig,
    SSHPOPProvisionerConfig,
    X5CProvisionerConfig,
    identity,
    kind,
    to_public,
)
from newel.step.tokens import UnverifiedToken

Kind = TypeVar("Kind", bound=Provisioner)

_KINDS: dict[type, Callable[..., Provisioner]] = {
    JWKProvisionerConfig: JWKProvisioner,
    ACMEProvisionerConfig: ACMEProvisioner,
    AWSProvisionerConfig: AWSProvisioner,
    GCPProvisionerConfig: GCPProvisioner,
    AzureProvisionerConfig: AzureProvisioner,
    X5CProvisionerConfig: X5CProvisioner,
    SSHPOPProvisionerConfig: SSHPOPProvisioner,
    NebulaProvisionerConfig: NebulaProvisioner,
    MTLSProvisionerConfig: MTLSProvisioner,
    OIDCProvisionerConfig: OIDCProvisioner,
    K8sSAProvisionerConfig: K8sSAProvisioner,
    SCEPProvisionerConfig: SCEPProvisioner,
}
"""The provisioner of each kind of record. A kind that is missing here is listed as unusable."""


class Entry(NamedTuple):
    """One provisioner, made once from its record; it outlives changes of others, and so do its key sets."""

    record: ProvisionerConfig
    provisioner: Provisioner | None
    """None for one that cannot be used."""
    problem: str
    """Why it cannot be used."""
    listed: dict[str, Any]
    """Its public part."""
    digest: str
    """Its part of a cursor."""


def load_entry(record: ProvisionerConfig, context: ProvisionerContext) -> Entry:
    """Make a provisioner, or find out why it cannot be used."""
    digest = hashlib.sha256(f"{kind(record)}/{record.name}".encode()).hexdigest()[:32]
    make = _KINDS.get(type(record), _reject_unsupported)
    try:
        provisioner = make(record, context)
    except ValueError as error:
        return Entry(record, None, str(error), _with_state(to_public(record), str(error)), digest)
    return Entry(record, provisioner, "", provisioner.public, digest)


class Provisioners:
    """An immutable snapshot of all provisioners, in the order they were added."""

    def __init__(self, entries: Iterable[Entry]) -> None:
        """List an entry that cannot be used with its state; it admits no token."""
        self._by_selector: dict[Selector, Provisioner] = {}
        self._by_name: dict[str, Provisioner] = {}
        self._by_key: dict[str, JWKProvisioner] = {}
        self._by_issuer: dict[bytes, list[MTLSProvisioner]] = {}
        self._broken: dict[str, str] = {}
        self.off: dict[str, str] = {}
        """Why each provisioner that cannot be used is off, by its name."""
        self._listed: list[dict[str, Any]] = []
        self._cursors: list[str] = []
        authorities: list[bytes] = []
        for index, entry in enumerate(entries):
            self._listed.append(entry.listed)
            # it sorts in the order of insertion and survives changes of other records
            self._cursors.append(f"{index:08x}{entry.digest}")
            provisioner = entry.provisioner
            if provisioner is None:
                self._broken[identity(entry.record)] = entry.record.name
                self.off[entry.record.name] = entry.problem
                continue
            other = self._by_selector.get(("id", provisioner.id))
            if other is not None:  # tokens would never select it
                problem = f"the provisioner {other.name!r} has the same id, {provisioner.id!r}"
                self.off[provisioner.name] = problem
                self._listed[-1] = _with_state(entry.listed, problem)
                continue
            self._by_selector["id", provisioner.id] = provisioner
            for selector in provisioner.selectors:
                self._by_selector.setdefault(selector, provisioner)
            self._by_name[provisioner.name] = provisioner
            if isinstance(provisioner, JWKProvisioner):
                self._by_key[provisioner.key_id] = provisioner
            if isinstance(provisioner, MTLSProvisioner):
                authorities += provisioner.authorities
                for subject in provisioner.issuers:
                    self._by_issuer.setdefault(subject, []).append(provisioner)
        self.client_authorities: Sequence[bytes] = tuple(dict.fromkeys(authorities))
        """DER of the CAs of mTLS provisioners, which client certificates may chain to."""

    def by_token(self, token: UnverifiedToken) -> Provisioner:
        """Find the provisioner a token names; nothing is proved yet. Raises NewelError."""
        for selector in _selectors(token):
            provisioner = self._by_selector.get(selector)
            if provisioner is not None:
                break
            if selector[1] in self._broken:
                name = self._broken[selector[1]]
                raise unauthorized_error(
                    f"provisioner {name!r} could not be used when it was loaded",
                    detail=f'provisioner "{name}" is disabled due to an initialization error',
                )
        else:
            named = next(value for _, value in _selectors(token))
            raise unauthorized_error(
                f"no provisioner {named[:128]!r}, or an audience of another authority"
            )
        if provisioner.disabled:
            raise unauthorized_error(f"provisioner {provisioner.name!r} is disabled")
        return provisioner

    def by_certificate(self, ref: ProvisionerRef) -> Provisioner | None:
        """Find the provisioner that admitted a certificate, as long as it is still the same one."""
        provisioner = self._by_name.get(ref.name)
        if provisioner is None or provisioner.kind != ref.type:
            return None
        return provisioner if provisioner.accepts(ref.credential_id) else None

    def by_issuer(self, subject: bytes) -> Sequence[MTLSProvisioner]:
        """List the mTLS provisioners that have a CA of this name (DER); nothing is proved yet."""
        return [each for each in self._by_issuer.get(subject, ()) if not each.disabled]

    @property
    def has_mtls(self) -> bool:
        """Whether there is any mTLS provisioner."""
        return bool(self._by_issuer)

    def name_of(self, identifier: str) -> str:
        """Return the name of the provisioner that tokens select by this id, or ``""``."""
        found = self._by_selector.get(("id", identifier))
        return found.name if found else self._broken.get(identifier, "")

    def by_name(self, name: str) -> Provisioner | None:
        """Find a provisioner by its name."""
        return self._by_name.get(name)

    def find_enabled(self, name: str, kind: type[Kind]) -> Kind | None:
        """Find the enabled provisioner of a name, if it is of this kind."""
        found = self._by_name.get(name)
        return found if isinstance(found, kind) and not found.disabled else None

    def unusable(self) -> dict[str, str]:
        """Say why each provisioner admits no one, by its name; one that is disabled is meant to."""
        waiting = {
            name: each.problem
            for name, each in self._by_name.items()
            if each.problem and not each.disabled
        }
        return {**self.off, **waiting}

    def counts(self) -> dict[str, int]:
        """Count the provisioners by state: ``on``, ``disabled`` by configuration, unusable (``off``)."""
        disabled = sum(each.disabled for each in self._by_name.values())
        off = len(self.unusable())
        enabled = len(self._by_name) + len(self.off) - disabled - off
        return {"on": enabled, "disabled": disabled, "off": off}

    def encrypted_key(self, key_id: str) -> str:
        """Return the escrowed key of a JWK provisioner, ``""`` when there is none."""
        provisioner = self._by_key.get(key_id)
        return provisioner.encrypted_key if provisioner else ""

    def page(self, cursor: str, limit: int) -> tuple[Sequence[dict[str, Any]], str]:
        """Return up to ``limit`` records from a cursor on, and the cursor of the next page."""
        start = bisect_left(self._cursors, cursor) if cursor else 0
        end = start + bound_limit(limit)
        next_cursor = self._cursors[end] if end < len(self._cursors) else ""
        return [self._describe(item) for item in self._listed[start:end]], next_cursor

    def _describe(self, item: dict[str, Any]) -> dict[str, Any]:
        """Return a record of the list, with the reason when it admits no one for now."""
        provisioner = self._by_name.get(item["name"])
        problem = provisioner.problem if provisioner is not None else ""
        return _with_state(item, problem) if problem else item


def _selectors(token: UnverifiedToken) -> Iterator[Selector]:
    """List what may select a token's provisioner, in the order step-ca looks; nothing is proved yet."""
    claims = token.unverified
    audience = claims.audience
    named = fragment(audience)
    if named:
        yield "id", named
        return
    yield "id", f"{claims.iss}:{token.header.kid or ''}"
    yield "iss", claims.iss
    if claims.azp:
        yield "azp", claims.azp
    first = audience[0] if audience else ""
    if claims.tid and claims.email:  # a person of a tenant; without an address it is a machine
        yield "aud", first
    if claims.tid:
        yield "tid", claims.tid
    yield "aud", first


def _reject_unsupported(record: ProvisionerConfig, *_: object, **__: object) -> Provisioner:
    raise ValueError(f"provisioners of type {kind(record)} are not supported yet")


def _with_state(item: dict[str, Any], reason: str) -> dict[str, Any]:
    return {**item, "state": "Uninitialized", "stateReason": reason[:200]}
