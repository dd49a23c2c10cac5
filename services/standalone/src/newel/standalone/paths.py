"""Where the paths of ca.json lead: relative ones into the state folder, which may be moved."""

import json
from pathlib import Path
from typing import Any, cast

import msgspec

from newel.standalone.key_stores import is_in_service
from newel.standalone.layout import Layout
from newel.step.ca_json import KMS, CAConfig


class Paths:
    """The paths of one ca.json.

    A relative path begins at the state folder. An absolute one into the folder where the state was when it was
    made leads to the same file where the state is now, as soon as nothing is left at the old place.
    """

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        self._former = former_state(layout)

    def anchor(self, path: str) -> str:
        """Return the path as it can be opened; "" stays empty."""
        if not Path(path).is_absolute():
            return self._layout.absolute(path)
        if self._former and Path(path).is_relative_to(self._former) and not Path(path).exists():
            moved = self._layout.state / Path(path).relative_to(self._former)
            return str(moved) if moved.exists() else path
        return path

    def anchor_key(self, kms: KMS | None, key: str) -> str:
        """Return a key's path as it can be opened, or the name of a key in a service as it is."""
        return key if is_in_service(kms, key) else self.anchor(key)

    def anchor_all(self, ca: CAConfig) -> CAConfig:
        """Return the configuration with every path of the step tools' own members anchored."""
        changes: dict[str, Any] = {
            "root": [self.anchor(root) for root in ca.roots if root],
            "federated_roots": [self.anchor(root) for root in ca.federated_roots or ()],
            "crt": self.anchor(ca.crt),
            "key": self.anchor_key(ca.kms, ca.key),
        }
        if ca.ssh:
            changes["ssh"] = msgspec.structs.replace(
                ca.ssh,
                host_key=self.anchor_key(ca.kms, ca.ssh.host_key),
                user_key=self.anchor_key(ca.kms, ca.ssh.user_key),
            )
        if ca.kms:
            file = self.anchor(ca.kms.credentials_file)
            changes["kms"] = msgspec.structs.replace(ca.kms, credentials_file=file)
        if ca.authority:
            records = [self._record(record) for record in ca.authority.provisioners or ()]
            changes["authority"] = msgspec.structs.replace(ca.authority, provisioners=records)
        return msgspec.structs.replace(ca, **changes)

    def _record(self, record: dict[str, Any]) -> dict[str, Any]:
        """Return a provisioner's record with the paths of its files anchored."""
        given: dict[str, Any] = record.get("options") or {}
        own: dict[str, Any] = record.get("newel") or {}
        changes = self._anchor_members(record, "iidRoots")
        if ":" not in record.get("decrypterKey", ":"):  # a URI says itself where it leads
            changes |= self._anchor_members(record, "decrypterKey")
        templates = {
            kind: {**given[kind], **anchored}
            for kind in ("x509", "ssh")
            if (anchored := self._anchor_members(given.get(kind) or {}, "templateFile"))
        }
        if templates:
            changes["options"] = {**given, **templates}
        if anchored := self._anchor_members(own, "caFile", "tokenFile"):
            changes["newel"] = {**own, **anchored}
        return {**record, **changes} if changes else record

    def _anchor_members(self, members: dict[str, Any], *names: str) -> dict[str, Any]:
        """Return those of the named members that are set, anchored."""
        return {name: self.anchor(members[name]) for name in names if members.get(name)}


def former_state(layout: Layout) -> Path | None:
    """Where the state was when its defaults.json was written; None when that is here, or nothing says it."""
    try:
        defaults: Any = json.loads(layout.defaults_json.read_bytes())
    except (OSError, ValueError):
        return None  # the file is for the step tools: an authority runs without it
    if not isinstance(defaults, dict):
        return None
    file = Path(str(cast("dict[str, Any]", defaults).get("ca-config") or ""))
    state = file.parent.parent
    own = file.is_absolute() and file.parts[-2:] == ("config", "ca.json")
    return state if own and state != layout.state else None
