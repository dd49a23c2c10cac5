"""Checks ca.json against the table of its members: every member is applied or reported.

Members are returned spelled as the table has them, because the step tools read them in any case.
"""

import difflib
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple, cast

import msgspec

from newel.step.ca_json_members import CA_JSON
from newel.step.provisioner_members import CLAIMS, SPELLING, SUPPORTED, members_of
from newel.step.treatment import Member, Treatment, is_set

LARGEST = 8 * 1024 * 1024
"""Octets of one ca.json."""

MOST_DIGITS = 100
"""Digits of a number."""

_NOT_TEXT = re.compile("[\x00\ud800-\udfff]")

Record = dict[str, Any]


class Setting(NamedTuple):
    """A member with a value, by its path, and what is to be said of it."""

    path: str
    says: str


class RefusedMembersError(ValueError):
    """A file with members that cannot be applied."""

    def __init__(self, refused: Iterable[Setting]) -> None:
        self.refused = tuple(refused)
        super().__init__("; ".join(f"{each.path}: {each.says}" for each in self.refused))


@dataclass(slots=True)
class Findings:
    """What a check found."""

    refused: list[Setting] = field(default_factory=list[Setting])
    warned: list[Setting] = field(default_factory=list[Setting])

    def raise_for_refused(self) -> None:
        """Raise RefusedMembersError that names every member at fault."""
        if self.refused:
            raise RefusedMembersError(self.refused)


def lines(settings: Iterable[Setting]) -> list[str]:
    """Return one line for each reason, with the paths of all its settings."""
    paths: dict[str, list[str]] = {}
    for each in settings:
        paths.setdefault(each.says, []).append(each.path)
    return [f"{', '.join(named)}: {says}" for says, named in paths.items()]


def parse_document(data: bytes | str) -> Record:
    """Return the JSON object of a file. Raises ValueError with the line and column of a fault."""
    if len(data) > LARGEST:
        raise ValueError(f"the file is larger than {LARGEST} bytes")
    try:
        text = data.decode("utf-8-sig") if isinstance(data, bytes) else data
        document: Any = json.loads(
            text,
            object_pairs_hook=_distinct,
            parse_constant=_refuse_constant,
            parse_int=_read_integer,
        )
    except json.JSONDecodeError as error:
        raise ValueError(f"line {error.lineno}, column {error.colno}: {error.msg}") from None
    except UnicodeDecodeError as error:
        raise ValueError(f"it is not UTF-8 (byte {error.start})") from None
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
    if not isinstance(document, dict):
        raise ValueError("it is not a JSON object")  # noqa: TRY004 - of a configuration
    _require_text(document)
    return cast("Record", document)


def check_document(document: Record) -> tuple[Record, Findings]:
    """Check a whole ca.json; ``newel`` is left to its own models."""
    findings = Findings()
    checked = _object(document, CA_JSON, "", findings, off=False)
    authority: Record = checked.get("authority") or {}
    records: Any = authority.get("provisioners")
    if isinstance(records, list):
        authority["provisioners"] = [
            check_provisioner(record, f"authority.provisioners[{index}]", findings)
            for index, record in enumerate(cast("list[Any]", records))
        ]
    return checked, findings


def check_claims(claims: Record, path: str) -> Record:
    """Check the claims at ``path``. Raises ValueError."""
    return check_members(claims, CLAIMS, path)


def check_members(given: Record, members: Mapping[str, Member], path: str) -> Record:
    """Check one object of a configuration at ``path``. Raises ValueError."""
    findings = Findings()
    checked = _object(given, members, path, findings, off=False)
    findings.raise_for_refused()
    return checked


def check_provisioner(record: Any, path: str, findings: Findings) -> Record:
    """Check one provisioner at ``path``."""
    if not isinstance(record, dict):
        findings.refused.append(Setting(path, "it is not an object"))
        return {}
    own = cast("Record", record)
    said = next((value for name, value in own.items() if name.lower() == "type"), None)
    kind = SPELLING.get(str(said).lower())
    if kind is None:
        known = (
            _nearest(str(said), SPELLING.values()) or f"known are {', '.join(SPELLING.values())}"
        )
        findings.refused.append(
            Setting(f"{path}.type", f"there is no kind of provisioner {said!r}; {known}")
        )
        return own
    checked = _object(own, members_of(kind), path, findings, off=kind not in SUPPORTED)
    return {**checked, "type": kind}


def _object(
    value: Record, members: Mapping[str, Member], path: str, findings: Findings, *, off: bool
) -> Record:
    spelling = {name.lower(): name for name in members}
    checked: Record = {}
    for given, inner in value.items():
        at = f"{path}.{given}" if path else given
        name = given if given in members else spelling.get(given.lower())
        if name is None:
            near = _nearest(given, members)
            findings.refused.append(Setting(at, f"unknown member{f'; {near}' if near else ''}"))
        elif name in checked:
            findings.refused.append(Setting(at, f"{name!r} is given twice"))
        elif inner is not None:  # null is as good as nothing to the step tools
            checked[name] = _member(inner, members[name], at, findings, off=off)
    return checked


def _member(value: Any, member: Member, path: str, findings: Findings, *, off: bool) -> Any:
    """``off``: what stands here has no effect at all, so only its form is looked at."""
    problem = member.problem(value)
    if problem:
        findings.refused.append(Setting(path, problem))
    items = _items(value)
    for index, item in enumerate(items):
        if not problem and (wrong := member.item_problem(item)):
            findings.refused.append(Setting(f"{path}[{index}]", wrong))
    if not off and member.treatment is not Treatment.HONOURED and is_set(value):
        if not member.fits(value):
            refused = member.treatment is Treatment.REFUSED
            (findings.refused if refused else findings.warned).append(Setting(path, member.says))
        off = True
    if member.members is None:
        return value
    if member.several:
        if not isinstance(value, list):
            findings.refused.append(Setting(path, "it is not a list"))
            return value
        return [
            _of_members(item, member.members, f"{path}[{index}]", findings, off=off)
            for index, item in enumerate(items)
        ]
    return _of_members(value, member.members, path, findings, off=off)


def _items(value: Any) -> list[Any]:
    return cast("list[Any]", value) if isinstance(value, list) else []


def _of_members(
    value: Any, members: Mapping[str, Member], path: str, findings: Findings, *, off: bool
) -> Any:
    if isinstance(value, dict):
        return _object(cast("Record", value), members, path, findings, off=off)
    findings.refused.append(Setting(path, "it is not an object"))
    return value


def _nearest(name: str, known: Iterable[str]) -> str:
    spelling = {each.lower(): each for each in known}
    found = difflib.get_close_matches(name.lower(), spelling, n=1)
    return f"did you mean {spelling[found[0]]!r}?" if found else ""


def _distinct(pairs: list[tuple[str, Any]]) -> Record:
    found = dict(pairs)
    if len(found) != len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"the member {twice!r} is given twice in one object")
    return found


def _refuse_constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")


def _read_integer(text: str) -> int:
    if len(text) > MOST_DIGITS:
        raise ValueError(f"a number has {len(text)} digits; the most is {MOST_DIGITS}")
    return int(text)


def _require_text(value: Any, path: str = "") -> None:
    """Raise ValueError for text that no file name, log line or database can hold."""
    if isinstance(value, dict):
        for name, inner in cast("Record", value).items():
            _require_text(name, path)
            _require_text(inner, f"{path}.{name}" if path else name)
    elif isinstance(value, list):
        for index, inner in enumerate(cast("list[Any]", value)):
            _require_text(inner, f"{path}[{index}]")
    elif isinstance(value, str) and (bad := _NOT_TEXT.search(value)):
        raise ValueError(f"{path}: the character U+{ord(bad[0]):04X} is not allowed")


def add_path(error: msgspec.ValidationError, path: str) -> ValueError:
    """Return a type error with the path first, as every other error names it."""
    says, _, place = str(error).partition(" - at `$")
    place = place.rstrip("`")
    at = f"{path}{place}" if path else place.removeprefix(".")
    return ValueError(f"{at or 'the whole'}: {says[:1].lower()}{says[1:]}")
