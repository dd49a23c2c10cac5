"""Conditions, the part of a status that says what is true of an object, why, and since when."""

import datetime as dt
from collections.abc import Sequence
from typing import Any

from newel.kubernetes.errors import shorten

Condition = dict[str, Any]


def format_time(moment: dt.datetime) -> str:
    """Return a moment as metav1.Time has it: RFC 3339 in UTC, in whole seconds."""
    return moment.astimezone(dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def find(conditions: Sequence[Condition], type_: str) -> Condition:
    """Return the condition of a type, ``{}`` without one."""
    none: Condition = {}
    return next((each for each in conditions if each.get("type") == type_), none)


def is_true(conditions: Sequence[Condition], type_: str) -> bool:
    """Tell whether the condition of a type is there and true."""
    return find(conditions, type_).get("status") == "True"


def read(found: dict[str, Any]) -> list[Condition]:
    """Return the conditions of an object."""
    status: dict[str, Any] = found.get("status") or {}
    return status.get("conditions") or []


def make(
    before: Sequence[Condition],
    type_: str,
    status: str,
    reason: str,
    message: str,
    now: dt.datetime,
) -> Condition:
    """Return a condition; the time of its last change stays where its status does."""
    old = find(before, type_)
    same = old.get("status") == status and old.get("lastTransitionTime")
    return {
        "type": type_,
        "status": status,
        "reason": reason,
        "message": shorten(message),
        "lastTransitionTime": old["lastTransitionTime"] if same else format_time(now),
    }


def is_same(before: Sequence[Condition], new: Condition) -> bool:
    """Tell whether an object says already what a condition says."""
    old = find(before, new["type"])
    return all(old.get(name) == new[name] for name in ("status", "reason", "message"))
