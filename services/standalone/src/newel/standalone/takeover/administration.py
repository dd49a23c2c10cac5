"""What administrators of a step-ca stored: provisioners, administrators and policies, in ca.json's form.

step-ca writes them as Go's encoding of its messages: names with underscores, enumerations as numbers, and
octets in base64.
"""

import re
from collections.abc import Mapping
from typing import Any, Final, TypeVar, cast

import msgspec

from newel.registration.app import foreign_admin
from newel.standalone.takeover.values import read_time
from newel.step import managed_provisioners, provisioners
from newel.step.extension import ProvisionerType
from newel.step.managed_messages import ManagedProvisioner
from newel.step.policies import PolicyConfig

NO_AUTHORITY = "00000000-0000-0000-0000-000000000000"
"""The id of an authority whose ca.json has none."""

_UNDERSCORE = re.compile(r"_([a-z0-9])")
_CHALLENGES: Final = {1: "HTTP_01", 2: "DNS_01", 3: "TLS_ALPN_01", 4: "DEVICE_ATTEST_01"}
_FORMATS: Final = {1: "APPLE", 2: "STEP", 3: "TPM"}
_ENUMERATIONS: Final = {"challenges": _CHALLENGES, "attestationFormats": _FORMATS}

Record = dict[str, Any]
RowType = TypeVar("RowType", bound="Row")


class Row(msgspec.Struct, rename="camel"):
    """What every one of these rows has."""

    id: str
    authority_id: str = msgspec.field(default="", name="authorityID")
    created_at: str = ""
    deleted_at: str = ""


class ProvisionerRow(Row, rename="camel"):
    """A value of ``provisioners``."""

    type: int = 0
    name: str = ""
    claims: Record | None = None
    details: bytes = b""
    x509_template: Record | None = msgspec.field(default=None, name="x509Template")
    ssh_template: Record | None = msgspec.field(default=None, name="sshTemplate")
    webhooks: list[Record] | None = None


class AdministratorRow(Row, rename="camel"):
    """A value of ``admins``."""

    provisioner_id: str = msgspec.field(default="", name="provisionerID")
    subject: str = ""
    type: int = 0


class PolicyRow(Row, rename="camel"):
    """A value of ``authority_policies``."""

    policy: Record | None = None


class OthersError(ValueError):
    """A row of another authority that shares the store, or one that was deleted."""


def read_provisioner(
    value: bytes, authority: str, position: int
) -> foreign_admin.StoredProvisioner:
    """Read a provisioner. Raises ValueError."""
    row = _check(msgspec.json.decode(value, type=ProvisionerRow), authority)
    kind = ProvisionerType(row.type).name
    message: Record = {
        "type": kind.upper(),
        "name": row.name,
        "details": _respell(msgspec.json.decode(row.details)),
        "claims": _respell(row.claims or {}),
        "x509Template": _respell(row.x509_template or {}),
        "sshTemplate": _respell(row.ssh_template or {}),
    }
    record = managed_provisioners.read_provisioner(msgspec.convert(message, ManagedProvisioner))
    if row.webhooks:
        hooks = [{name: item for name, item in hook.items() if item} for hook in row.webhooks]
        record.setdefault("options", {})["webhooks"] = hooks
    parsed = provisioners.from_mapping(record)
    seconds = _seconds(row.created_at)
    return foreign_admin.StoredProvisioner(
        row.id, row.name, position, provisioners.to_json(parsed), seconds, 1
    )


def read_administrator(value: bytes, authority: str) -> foreign_admin.Administrator:
    """Read an administrator. Raises ValueError."""
    row = _check(msgspec.json.decode(value, type=AdministratorRow), authority)
    if row.type not in (1, 2) or not row.subject:
        raise ValueError("it has no subject, or no type")
    return foreign_admin.Administrator(
        row.id, row.subject, row.provisioner_id, row.type, _seconds(row.created_at)
    )


def read_policy(value: bytes, authority: str) -> Record | None:
    """Read the authority's policy; None for one without any constraint. Raises ValueError."""
    row = _check(msgspec.json.decode(value, type=PolicyRow), authority)
    policy = _prune(_respell(row.policy or {}))
    msgspec.convert(policy, PolicyConfig)
    return policy or None


def _check(row: RowType, authority: str) -> RowType:
    if read_time(row.deleted_at) is not None:
        raise OthersError("it was deleted")
    if row.authority_id not in ("", authority):
        raise OthersError(f"it is of another authority, {row.authority_id[:64]}")
    return row


def _seconds(text: str) -> int:
    found = read_time(text)
    return int(found.timestamp()) if found else 0


def _respell(value: Any) -> Any:
    """Write names in camel case, and enumerations as words."""
    if isinstance(value, list):
        return [_respell(each) for each in cast("list[Any]", value)]
    if not isinstance(value, dict):
        return value
    found: Record = {}
    for name, inner in cast("Mapping[str, Any]", value).items():
        spelled = _UNDERSCORE.sub(lambda match: match[1].upper(), name)
        words = _ENUMERATIONS.get(spelled)
        if words is not None and isinstance(inner, list):
            found[spelled] = [words.get(each, str(each)) for each in cast("list[Any]", inner)]
        else:
            found[spelled] = _respell(inner)
    return found


def _prune(value: Any) -> Any:
    """Remove empty objects and lists."""
    if not isinstance(value, dict):
        return value
    pruned = {name: _prune(inner) for name, inner in cast("Mapping[str, Any]", value).items()}
    return {name: inner for name, inner in pruned.items() if inner not in ({}, [], None, False)}
