"""How a message is written for a collector: a line of text, CEF, or the JSON of ECS or OCSF."""

from collections.abc import Callable, Mapping
from importlib import metadata
from typing import Any

import msgspec

from newel.alerting.kinds import EXPIRING
from newel.alerting.notices import Message, Phase, Severity, facts, plain, timestamp, title

_PRODUCT = "Newel"
_LONGEST = 500
_ACTIVITIES = {
    Phase.OPENED: (1, "Create"),
    Phase.ESCALATED: (2, "Update"),
    Phase.RESOLVED: (3, "Close"),
}
_SUBJECTS = {EXPIRING: "certificate"}


def write_text(message: Message) -> str:
    """Return one line: what happened, then names and values."""
    return " ".join([f"{title(message)}:", *(f'{_key(n)}="{v}"' for n, v in facts(message))])


def write_cef(message: Message) -> str:
    """Return ArcSight's Common Event Format, revision 25; the id of the event class is the phase."""
    notice = message.notice
    level = {Severity.WARNING: 6, Severity.CRITICAL: 9}[notice.severity]
    header = (
        *(_PRODUCT, "newel-alerting", metadata.version("newel-alerting")),
        _class(message),
        title(message),
        str(level if message.phase is not Phase.RESOLVED else 2),
    )
    extension = {
        "externalId": notice.id,
        "rt": str(_milliseconds(message)),
        "dvchost": message.source,
        "end": str(int(notice.not_after.timestamp() * 1000)) if notice.not_after else "",
        "msg": notice.detail,
        "cs1Label": "Subject",
        "cs1": notice.subject,
        "cs2Label": "Serial",
        "cs2": notice.serial.hex(),
        "cs3Label": "Provisioner",
        "cs3": notice.provisioner,
        "cs4Label": "Endpoint",
        "cs4": notice.endpoint,
    }
    written = " ".join(f"{name}={_in_extension(text)}" for name, text in extension.items() if text)
    return f"CEF:0|{'|'.join(map(_in_header, header))}|{written}"


def write_ecs(message: Message) -> str:
    """Return a document of the Elastic Common Schema, 8.11."""
    notice = message.notice
    document: dict[str, Any] = {
        "@timestamp": timestamp(notice.resolved_at or notice.opened_at),
        "ecs": {"version": "8.11.0"},
        "message": title(message),
        "event": {
            "kind": "alert",
            "category": ["configuration"],
            "type": ["info"],
            "id": message.key,
            "action": _class(message),
            "severity": _severity(message),
            "provider": "newel",
        },
        "observer": {"name": message.source, "product": _PRODUCT, "type": "certificate-authority"},
        "labels": {
            "kind": notice.kind,
            "owner": notice.owner,
            "endpoint": notice.endpoint,
            "provisioner": notice.provisioner,
        },
    }
    if notice.not_before and notice.not_after:
        document["tls"] = {
            "server": {
                "x509": {
                    "serial_number": notice.serial.hex().upper(),
                    "subject": {"common_name": [plain(notice.subject, _LONGEST)]},
                    "alternative_names": [_value(name) for name in notice.names],
                    "not_before": timestamp(notice.not_before),
                    "not_after": timestamp(notice.not_after),
                }
            }
        }
    return _json(document)


def write_ocsf(message: Message) -> str:
    """Return a Detection Finding of the Open Cybersecurity Schema Framework, 1.3."""
    notice, opened = message.notice, message.phase is not Phase.RESOLVED
    activity, name = _ACTIVITIES[message.phase]
    version = metadata.version("newel-alerting")
    document = {
        "class_uid": 2004,
        "class_name": "Detection Finding",
        "category_uid": 2,
        "category_name": "Findings",
        "activity_id": activity,
        "activity_name": name,
        "type_uid": 200400 + activity,
        "severity_id": _severity(message),
        "severity": {2: "Low", 3: "Medium", 5: "Critical"}[_severity(message)],
        "status_id": 1 if opened else 4,
        "status": "New" if opened else "Resolved",
        "time": _milliseconds(message),
        "message": title(message),
        "metadata": {
            "version": "1.3.0",
            "uid": message.key,
            "product": {"name": _PRODUCT, "vendor_name": _PRODUCT, "version": version},
        },
        "finding_info": {
            "uid": notice.id,
            "title": title(message),
            "types": [_SUBJECTS.get(notice.kind, notice.kind)],
            "created_time": int(notice.opened_at.timestamp() * 1000),
        },
        "resources": [{"uid": notice.endpoint, "name": plain(notice.subject, _LONGEST)}],
        "unmapped": {_key(name): value for name, value in facts(message)},
    }
    return _json(document)


FORMATS: Mapping[str, Callable[[Message], str]] = {
    "text": write_text,
    "cef": write_cef,
    "ecs": write_ecs,
    "ocsf": write_ocsf,
}
"""The writers, by the name that a configuration gives them."""


def _severity(message: Message) -> int:
    """Return OCSF's number, which ECS leaves to the writer."""
    if message.phase is Phase.RESOLVED:
        return 2
    return 5 if message.notice.severity is Severity.CRITICAL else 3


def _class(message: Message) -> str:
    """Name the class of an event: what it is about, and the phase."""
    kind = message.notice.kind
    return f"{_SUBJECTS.get(kind, kind)}-{message.phase}"


def _milliseconds(message: Message) -> int:
    return int((message.notice.resolved_at or message.notice.opened_at).timestamp() * 1000)


def _key(name: str) -> str:
    return name.lower().replace(" ", "_")


def _value(name: str) -> str:
    return plain(name.partition(":")[2], _LONGEST)


def _in_header(text: str) -> str:
    return plain(text, _LONGEST).replace("\\", "\\\\").replace("|", "\\|")


def _in_extension(text: str) -> str:
    return plain(text, _LONGEST).replace("\\", "\\\\").replace("=", "\\=")


def _json(document: Mapping[str, Any]) -> str:
    return msgspec.json.encode(document).decode()
