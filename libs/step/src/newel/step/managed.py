"""Provisioners as remote management carries them, and the same as ca.json has them.

The management API speaks protobuf's JSON: other names, octets in base64, enumerations in capitals, and what
has its type's empty value is left out. Nothing here reads files or knows what a provisioner is for.
"""

import base64
import binascii
import json
import re
from collections.abc import Sequence
from typing import Any, NamedTuple, cast

Record = dict[str, Any]
Path = tuple[str, ...]

SAME = "same"
OCTETS = "octets"
"""Text there, octets here."""
JSON = "json"
"""An object there, the octets of its JSON here."""
BUNDLE = "bundle"
"""The octets of several PEM blocks there, a list with each block's octets here."""
CAPITALS = "capitals"
"""A list of words: ``http-01`` there, ``HTTP_01`` here."""


class Member(NamedTuple):
    """The place of a value in ca.json and in remote management, and how the values differ."""

    record: Path
    managed: Path
    form: str = SAME


_SPELLINGS = {"IDs": "Ids", "ID": "Id", "SANs": "Sans", "SSHCA": "SshCa", "CN": "Cn", "EAB": "Eab"}
_BLOCK = re.compile(rb"-----BEGIN ([A-Z0-9 ]{1,64})-----.*?-----END \1-----\n?", re.DOTALL)


def same(*names: str) -> tuple[Member, ...]:
    """Return members whose names differ in their capitals at most."""
    return tuple(Member((name,), (_respell(name),)) for name in names)


def _respell(name: str) -> str:
    for theirs, ours in _SPELLINGS.items():
        name = name.replace(theirs, ours)
    return name


_INSTANCE = ("disableCustomSANs", "disableTrustOnFirstUse")
DETAILS: dict[str, tuple[Member, ...]] = {
    "JWK": (
        Member(("key",), ("publicKey",), JSON),
        Member(("encryptedKey",), ("encryptedPrivateKey",), OCTETS),
    ),
    "OIDC": same(
        "clientID", "clientSecret", "configurationEndpoint", "tenantID", "admins", "domains", "groups",
        "listenAddress", "scopes", "authParams",
    ),
    "GCP": same(
        "serviceAccounts", "projectIDs", "organizationID", *_INSTANCE, "instanceAge", "disableSSHCAUser",
        "disableSSHCAHost",
    ),
    "AWS": same("accounts", *_INSTANCE, "instanceAge"),
    "Azure": same(
        "tenantID", "resourceGroups", "audience", "subscriptionIDs", "objectIDs", *_INSTANCE
    ),
    "ACME": (
        *same("forceCN", "requireEAB", "termsOfService", "website", "caaIdentities"),
        Member(("challenges",), ("challenges",), CAPITALS),
        Member(("attestationFormats",), ("attestationFormats",), CAPITALS),
        Member(("attestationRoots",), ("attestationRoots",), BUNDLE),
    ),
    "X5C": (Member(("roots",), ("roots",), BUNDLE),),
    "K8sSA": (Member(("publicKeys",), ("publicKeys",), BUNDLE),),
    "SSHPOP": (),
    "SCEP": (
        *same(
            "forceCN", "challenge", "capabilities", "includeRoot", "excludeIntermediate",
            "minimumPublicKeyLength", "encryptionAlgorithmIdentifier",
        ),
        Member(("decrypterCertificate",), ("decrypter", "certificate")),
        Member(("decrypterKeyPEM",), ("decrypter", "key")),
        Member(("decrypterKey",), ("decrypter", "keyUri")),
        Member(("decrypterKeyPassword",), ("decrypter", "keyPassword"), OCTETS),
    ),
    "Nebula": (Member(("roots",), ("roots",), BUNDLE),),
    "mTLS": (Member(("roots",), ("roots",), BUNDLE), *same("allowCustomSANs")),
}  # fmt: skip # a table
"""The members of each kind's own part."""

KINDS = {kind.upper(): kind for kind in DETAILS}
"""The kinds by their names in remote management."""

_TERMS = (
    ("TLSCert", ("x509", "durations")),
    ("UserSSHCert", ("ssh", "userDurations")),
    ("HostSSHCert", ("ssh", "hostDurations")),
)
CLAIMS = (
    *(
        Member(("claims", f"{bound}{term}Duration"), ("claims", *path, bound))
        for term, path in _TERMS
        for bound in ("min", "max", "default")
    ),
    Member(("claims", "enableSSHCA"), ("claims", "ssh", "enabled")),
    *(
        Member(("claims", name), ("claims", name))
        for name in ("disableRenewal", "allowRenewalAfterExpiry", "disableSmallstepExtensions")
    ),
)
TEMPLATES = (
    *(
        member
        for kind in ("x509", "ssh")
        for member in (
            Member(("options", kind, "template"), (f"{kind}Template", "template"), OCTETS),
            Member(("options", kind, "templateData"), (f"{kind}Template", "data"), JSON),
        )
    ),
)


def members_of(kind: str) -> tuple[Member, ...]:
    """Return every member of a kind. Raises ValueError for an unknown kind."""
    if kind not in DETAILS:
        raise ValueError(f"there are no provisioners of the type {kind}")
    own = (Member(m.record, ("details", kind, *m.managed), m.form) for m in DETAILS[kind])
    return (Member(("name",), ("name",)), *own, *CLAIMS, *TEMPLATES)


def to_managed(record: Record) -> Record:
    """Return a new provisioner as remote management takes it. Raises ValueError."""
    kind = str(record.get("type"))
    managed: Record = {
        "type": kind.upper(),
        "details": {kind: {}},
        "claims": {"x509": {"enabled": True}},
    }
    update_managed(managed, record)
    return managed


def update_managed(managed: Record, record: Record) -> None:
    """Set in a managed provisioner what a record sets; members that records lack stay.

    Raises ValueError for values that have no managed form.
    """
    for member in members_of(str(record.get("type"))):
        value = _get(record, member.record)
        if value in (None, "", []):
            _remove(managed, member.managed)
        else:
            _set(managed, member.managed, _to_managed(value, member.form))
    ssh = _get(managed, ("claims", "ssh"))
    if ssh and _get(record, ("claims", "enableSSHCA")) is None:
        # protobuf reads durations without a setting of SSH as SSH turned off
        ssh["enabled"] = True


def from_managed(managed: Record) -> Record:
    """Return a managed provisioner as ca.json has it. Raises ValueError for what cannot be read."""
    kind = KINDS.get(str(managed.get("type")), "")
    record: Record = {"type": kind}
    for member in members_of(kind):
        value = _get(managed, member.managed)
        if value not in (None, "", []):
            _set(record, member.record, _to_record(value, member.form))
    if _get(managed, ("claims", "ssh")) == {}:
        _set(record, ("claims", "enableSSHCA"), value=False)
    return record


def _get(holder: Record, path: Path) -> Any:
    """Return the value at the path, or None."""
    value: Any = holder
    for name in path:
        if not isinstance(value, dict):
            return None
        value = cast("Record", value).get(name)
    return value


def _set(holder: Record, path: Path, value: object) -> None:
    for name in path[:-1]:
        inner = holder.get(name)
        if not isinstance(inner, dict):
            inner = holder[name] = {}
        holder = cast("Record", inner)
    holder[path[-1]] = value


def _remove(holder: Record, path: Path) -> None:
    inner = _get(holder, path[:-1])
    if isinstance(inner, dict):
        cast("Record", inner).pop(path[-1], None)


def _to_managed(value: Any, form: str) -> object:
    if form == OCTETS:
        return base64.b64encode(str(value).encode()).decode()
    if form == JSON:
        return base64.b64encode(json.dumps(value, separators=(",", ":")).encode()).decode()
    if form == BUNDLE:
        blocks = [found[0] for found in _BLOCK.finditer(_octets(str(value)))]
        if not blocks:
            raise ValueError("there is nothing in PEM")
        return [base64.b64encode(block).decode() for block in blocks]
    if form == CAPITALS:
        return [str(word).upper().replace("-", "_") for word in value]
    return value


def _to_record(value: Any, form: str) -> object:
    if form == OCTETS:
        return _octets(str(value)).decode()
    if form == JSON:
        return json.loads(_octets(str(value)))
    if form == BUNDLE:
        blocks = [_octets(str(each)).rstrip() + b"\n" for each in cast("Sequence[object]", value)]
        return base64.b64encode(b"".join(blocks)).decode()
    if form == CAPITALS:
        return [str(word).lower().replace("_", "-") for word in value]
    return value


def _octets(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except binascii.Error as error:
        raise ValueError("it is not base64") from error
