"""Entries of the lists as table, JSON and CSV. Requesters of certificates chose their texts."""

import csv
import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TextIO, cast

from newel.cli.errors import UsageError

if TYPE_CHECKING:
    from newel.client.catalogue import Kind

FORMATS = ("text", "json", "csv")
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n")
"""A cell that begins so is a formula to a spreadsheet."""

MOST_NAMES = 3
"""In a line of a table; `show` has all of them."""

FURTHER = ("certificates", "deliveries")
"""Members that are lists of entries themselves."""

Columns = Mapping[str, str]
"""Member of the document by heading."""

CERTIFICATES: Columns = {
    "SERIAL": "serial",
    "TYPE": "type",
    "STATE": "state",
    "SUBJECT": "subject",
    "NAMES": "names",
    "EXPIRES": "not_after",
    "PROVISIONER": "provisioner",
    "ENDPOINT": "endpoint",
}
ENDPOINTS: Columns = {
    "ENDPOINT": "id",
    "TYPE": "type",
    "STATE": "state",
    "SUBJECT": "subject",
    "NAMES": "names",
    "EXPIRES": "not_after",
    "PROVISIONER": "provisioner",
}
ALERTS: Columns = {
    "ALERT": "id",
    "STATE": "state",
    "SEVERITY": "severity",
    "SUBJECT": "subject",
    "OPENED": "opened_at",
    "EXPIRES": "not_after",
    "ACKNOWLEDGED": "acknowledged_by",
    "SILENCED": "silenced_until",
}
SILENCES: Columns = {
    "SILENCE": "id",
    "STATE": "state",
    "KIND": "kind",
    "SEVERITY": "severity",
    "OWNER": "owner",
    "ENDPOINT": "endpoint",
    "PROVISIONER": "provisioner",
    "SUBJECT": "subject",
    "STARTS": "starts_at",
    "ENDS": "ends_at",
    "BY": "created_by",
    "REASON": "reason",
}
DELIVERIES: Columns = {
    "CHANNEL": "channel",
    "PHASE": "phase",
    "STATE": "state",
    "ATTEMPTS": "attempts",
    "LAST": "attempted_at",
    "NEXT": "next_attempt_at",
    "ERROR": "error",
}
ALL_DELIVERIES: Columns = {"KEY": "key", **DELIVERIES}
LINEAGE: Columns = {
    "SERIAL": "serial",
    "STATE": "state",
    "ISSUED": "issued_at",
    "EXPIRES": "not_after",
    "RENEWED FROM": "renewed_from",
}
CHANNELS: Columns = {"CHANNEL": "name", "KIND": "kind"}
METADATA: Columns = {
    "KIND": "kind",
    "KEY": "key",
    "PROVISIONER": "provisioner",
    "ENTRIES": "entries",
    "WRITTEN": "updated_at",
}
USAGES: Columns = {
    "PROVISIONER": "provisioner",
    "AUTHORITY": "issuer",
    "ENDPOINTS": "endpoints",
    "ENDPOINT-MONTHS": "endpoint_months",
    "CERTIFICATES": "certificates",
    "CERTIFICATE-MONTHS": "certificate_months",
    "ISSUED": "issued",
}
OF: Mapping["Kind", Columns] = {
    "certificates": CERTIFICATES,
    "endpoints": ENDPOINTS,
    "alerts": ALERTS,
    "deliveries": ALL_DELIVERIES,
    "silences": SILENCES,
}


def format_of(output: str | None, *, options: Sequence[str] = FORMATS) -> str:
    """Return the format of --output, text by default. Raises UsageError."""
    value = output or "text"
    if value not in options:
        raise UsageError(
            f"invalid value '{value}' for flag '--output'; options are {', '.join(options)}"
        )
    return value


def show(form: str, columns: Columns, documents: Sequence[dict[str, Any]]) -> None:
    """Print a list."""
    if form == "json":
        print(json.dumps(list(documents), indent=2, ensure_ascii=False))
    elif form == "csv":
        write_csv(sys.stdout, documents)
    else:
        rows = [
            [plain(few(document.get(member))) for member in columns.values()]
            for document in documents
        ]
        print(table(list(columns), rows))


def few(value: Any) -> Any:
    """Return a list shortened to fit a table's line."""
    if isinstance(value, list) and len(value) > MOST_NAMES:
        return [*value[:MOST_NAMES], f"+{len(value) - MOST_NAMES}"]
    return value


def table(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Aligned columns, two blanks apart, without blanks at the ends of lines."""
    lines = [headings, *rows]
    widths = [max(len(line[index]) for line in lines) for index in range(len(headings))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        for line in lines
    )


def details(document: Mapping[str, Any]) -> str:
    """One entry, a member a line; those that say nothing, and lists of further entries, are left out."""
    said = {
        name.replace("_", " ").capitalize(): plain(value)
        for name, value in document.items()
        if value not in (None, "", [], {}) and name not in FURTHER
    }
    width = max((len(name) for name in said), default=0) + 2
    return "\n".join(f"{name + ':':{width}}{value}" for name, value in said.items())


def plain(value: Any) -> str:
    """Return a member as text without control characters."""
    words = {None: "", True: "yes", False: "no"}
    if isinstance(value, dict):
        members = cast("dict[str, object]", value).items()
        value = [f"{name}={text}" for name, text in members]
    if isinstance(value, float):
        value = f"{value:.5f}".rstrip("0").rstrip(".")  # never with an exponent
    text = (
        " ".join(map(str, value))
        if isinstance(value, list)
        else words[value]
        if value is None or isinstance(value, bool)
        else str(value)
    )
    return "".join(letter if letter.isprintable() else "\ufffd" for letter in text)


def write_csv(sink: TextIO, documents: Iterable[dict[str, Any]]) -> int:
    """RFC 4180 with a heading, every cell quoted and formulas made text; how many there were."""
    writer = csv.writer(sink, quoting=csv.QUOTE_ALL, lineterminator="\r\n")
    count = 0
    for document in documents:
        if not count:
            writer.writerow(document)
        writer.writerow([cell(value) for value in document.values()])
        count += 1
    return count


def write_lines(sink: TextIO, documents: Iterable[dict[str, Any]]) -> int:
    """JSON, a document a line; how many there were."""
    count = 0
    for document in documents:
        sink.write(json.dumps(document, ensure_ascii=False, separators=(",", ":")) + "\n")
        count += 1
    return count


def cell(value: object) -> str:
    """Return a cell that no spreadsheet takes for a formula."""
    text = plain(value)
    return f"'{text}" if text.startswith(FORMULA_STARTS) else text
