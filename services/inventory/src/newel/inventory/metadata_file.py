"""Reads files of metadata: CSV, a JSON array, or a JSON object a line (NDJSON).

A file is right from end to end or it is refused, by the lines that are wrong.

- CSV (RFC 4180) begins with a line of column names: ``kind`` and ``key``, perhaps ``provisioner``;
  every other column is an entry, such as ``owner``. An empty cell is no entry.
- JSON is objects of ``kind``, ``key``, ``entries`` and perhaps ``provisioner``. ``updated_at``, which
  lists have, may stand there and is written again.
"""

import csv
import difflib
import io
import ipaddress
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple, cast

from newel.inventory.lookup import MetadataKey, spell_name

MAX_RECORDS = 20_000
MAX_RECORD_SIZE = 16 * 1024
"""Octets of one record's entries as JSON."""
MAX_KEY = 1024
KINDS = ("subject", "name")
NAMES = ("dns", "ip", "email", "uri", "principal", "permanentIdentifier")
_ABOUT = ("kind", "key", "provisioner")
_MEMBERS = (*_ABOUT, "entries", "updated_at")
_SHOWN = 10


class MetadataRecord(NamedTuple):
    """What is known of a subject or of a name."""

    key: MetadataKey
    entries: dict[str, str]


class Fault(NamedTuple):
    """What is wrong with a file, and the line where the record begins."""

    line: int
    text: str


class MetadataFileError(ValueError):
    """The file is refused; the text says where and why."""

    def __init__(self, faults: Sequence[Fault]) -> None:
        lines = [f"line {line}: {text}" for line, text in faults[:_SHOWN]]
        if more := len(faults) - _SHOWN:
            lines += [f"and {more} more"] if more > 0 else []
        super().__init__("; ".join(lines))


class _RecordError(ValueError):
    """A record is not what is kept."""


class _Row(NamedTuple):
    """A record as it stands in the file."""

    line: int
    about: Mapping[str, Any]
    entries: Any


def check_key(key: MetadataKey) -> MetadataKey:
    """Return a key as it is looked up by. Raises ValueError for one that no request ever has."""
    if key.kind not in KINDS:
        raise ValueError(f"the kind {key.kind!r} is unknown; there are subject and name")
    if not 0 < len(key.key) <= MAX_KEY or "\0" in key.key + key.provisioner:
        raise ValueError(f"a key has 1 to {MAX_KEY} characters, none of them NUL")
    if key.kind == "subject":
        return key
    form, _, name = key.key.partition(":")
    if form not in NAMES or not name:
        raise ValueError(
            f"the name {key.key!r} has no kind; write it as dns:{key.key}, or {_list(NAMES)}:…"
        )
    spelled = spell_name(key.key)
    if form == "ip" and not _is_address(spelled.partition(":")[2]):
        raise ValueError(f"{name!r} is no IP address")
    return replace(key, key=spelled)


def read_metadata(text: str, *, is_csv: bool) -> list[MetadataRecord]:
    """Read a file. Raises `MetadataFileError`, for every line that is wrong."""
    records: dict[MetadataKey, tuple[int, MetadataRecord]] = {}
    faults: list[Fault] = []
    try:
        for row in _read_csv(text) if is_csv else _read_json(text):
            if len(records) + len(faults) >= MAX_RECORDS:
                raise MetadataFileError(
                    [Fault(row.line, f"a file has {MAX_RECORDS} records at most")]
                )
            try:
                record = _read_record(row)
            except ValueError as error:
                faults.append(Fault(row.line, str(error)))
                continue
            if record.key in records:
                first = records[record.key][0]
                faults.append(Fault(row.line, f"{record.key.key!r} stands in line {first} already"))
            else:
                records[record.key] = row.line, record
    except _FileError as error:
        faults.append(error.fault)
    if faults:
        raise MetadataFileError(faults)
    return [record for _, record in records.values()]


def _read_record(row: _Row) -> MetadataRecord:
    """Check a record. Raises ValueError."""
    about = {name: row.about.get(name, "" if name == "provisioner" else None) for name in _ABOUT}
    for name, value in about.items():
        if value is None:
            raise _RecordError(f"{name!r} is missing")
        if not isinstance(value, str):
            raise _RecordError(f"{name!r} is no text")
    key = check_key(MetadataKey(**cast("dict[str, str]", about)))
    found: object = row.entries
    if not isinstance(found, dict):
        raise _RecordError("'entries' is no object of texts")
    entries = cast("dict[str, Any]", found)
    for name, value in entries.items():
        if not isinstance(value, str):
            raise _RecordError(f"the entry {name!r} is no text")
    if len(json.dumps(entries, ensure_ascii=False).encode(errors="replace")) > MAX_RECORD_SIZE:
        raise _RecordError(f"its entries exceed {MAX_RECORD_SIZE} octets")
    return MetadataRecord(key, entries)


class _FileError(Exception):
    """The file cannot be read on from here."""

    def __init__(self, line: int, text: str) -> None:
        super().__init__(text)
        self.fault = Fault(line, text)


def _read_csv(text: str) -> Iterator[_Row]:
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    columns: list[str] = []
    line = 1
    try:
        for cells in reader:
            if not columns:
                columns = [name.strip() for name in cells]
                _check_columns(columns, line)
            elif cells:
                if len(cells) != len(columns):
                    said = f"it has {len(cells)} cells, and the heading {len(columns)}"
                    raise _FileError(line, said)
                row = dict(zip(columns, cells, strict=True))
                entries = {
                    name: value for name, value in row.items() if name not in _ABOUT and value
                }
                yield _Row(line, row, entries)
            line = reader.line_num + 1
    except csv.Error as error:
        raise _FileError(line, f"this is no CSV: {error}") from error
    if not columns:
        raise _FileError(1, "the file is empty; it begins with a line of column names")


def _check_columns(columns: Sequence[str], line: int) -> None:
    for name in columns:
        if not name or columns.count(name) > 1:
            raise _FileError(
                line, f"the column {name!r} is twice there" if name else "a column has no name"
            )
    for name in ("kind", "key"):
        if name not in columns:
            raise _FileError(line, f"there is no column {name!r}; columns are separated by commas")
    for name in columns:
        near = difflib.get_close_matches(name.lower(), _ABOUT, n=1, cutoff=0.8)
        if near and name not in _ABOUT:
            raise _FileError(line, f"the column {name!r} is unknown; is it {near[0]!r}?")


def _read_json(text: str) -> Iterator[_Row]:
    decoder = json.JSONDecoder(object_pairs_hook=_read_object)
    at = _skip(text, 0)
    is_array = text.startswith("[", at)
    at, line, counted = at + is_array, 1, 0
    is_first = True
    while (at := _skip(text, at)) < len(text):
        line, counted = line + text.count("\n", counted, at), at
        if is_array:
            if text[at] == "]":
                if (end := _skip(text, at + 1)) < len(text):
                    line += text.count("\n", at, end)
                    raise _FileError(line, "there is more after the end of the array")
                return
            if not is_first:
                if text[at] != ",":
                    raise _FileError(line, "a comma is missing between two records")
                at = _skip(text, at + 1)
                line, counted = line + text.count("\n", counted, at), at
        is_first = False
        try:
            value, at = decoder.raw_decode(text, at)
        except (ValueError, RecursionError) as error:
            at_line = error.lineno if isinstance(error, json.JSONDecodeError) else line
            said = error.msg if isinstance(error, json.JSONDecodeError) else str(error)
            raise _FileError(at_line, f"this is no JSON: {said}") from error
        yield _read_member(line, value)
    if is_array:
        raise _FileError(line, "the array does not end")


def _read_member(line: int, value: Any) -> _Row:
    if not isinstance(value, dict):
        raise _FileError(line, "a record is an object of kind, key and entries")
    record = cast("dict[str, Any]", value)
    for name in record:
        if name not in _MEMBERS:
            near = difflib.get_close_matches(name, _MEMBERS, n=1)
            known = f"is it {near[0]!r}?" if near else f"there are {_list(_MEMBERS)}"
            raise _FileError(line, f"the member {name!r} is unknown; {known}")
    return _Row(line, record, record.get("entries"))


def _read_object(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("an object has a member twice")
    return found


def _skip(text: str, at: int) -> int:
    """Return where the next value or sign begins."""
    while at < len(text) and text[at] in " \t\r\n":
        at += 1
    return at


def _is_address(text: str) -> bool:
    try:
        return str(ipaddress.ip_address(text)) == text
    except ValueError:
        return False


def _list(words: Sequence[str]) -> str:
    return ", ".join(words)
