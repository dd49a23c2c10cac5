"""The JSON, NDJSON and CSV shapes of the lists."""

import csv
import datetime as dt
import io
from collections.abc import Iterable
from typing import Any

from newel.inventory.catalogue import CertificateEntry, EndpointEntry

# A cell that begins with one of these is a formula to a spreadsheet, and subjects are chosen by
# whoever asks for a certificate.
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n")


def timestamp(seconds: int) -> str:
    """RFC 3339 in UTC."""
    return dt.datetime.fromtimestamp(seconds, dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def certificate_document(entry: CertificateEntry, now: int) -> dict[str, Any]:
    """One certificate. Serial numbers and fingerprints are lower-case hexadecimal."""
    return {
        "serial": entry.serial.hex(),
        "state": entry.state(now),
        "subject": entry.common_name,
        "names": list(entry.names),
        "not_before": timestamp(entry.not_before),
        "not_after": timestamp(entry.not_after),
        "issued_at": timestamp(entry.issued_at),
        "issuer": entry.issuer,
        "provisioner": entry.provisioner,
        "provisioner_type": entry.provisioner_type,
        "proof": entry.proof,
        "endpoint": entry.endpoint,
        "renewed_from": entry.renewed_from.hex() if entry.renewed_from else None,
        "fingerprint": entry.fingerprint.hex(),
        "revoked_at": None if entry.revoked_at is None else timestamp(entry.revoked_at),
        "revocation_reason": entry.reason,
        "revocation_published": entry.revoked_actively,
    }


def endpoint_document(entry: EndpointEntry, now: int) -> dict[str, Any]:
    """One endpoint, without its certificates."""
    return {
        "id": entry.id,
        "state": entry.state(now),
        "subject": entry.common_name,
        "names": list(entry.names),
        "provisioner": entry.provisioner,
        "provisioner_type": entry.provisioner_type,
        "opened_at": timestamp(entry.opened_at),
        "last_serial": entry.last_serial.hex() if entry.last_serial else None,
        "not_after": timestamp(entry.last_not_after) if entry.last_serial else None,
    }


def csv_lines(documents: Iterable[dict[str, Any]], *, header: bool) -> str:
    """RFC 4180 rows with every cell quoted and formulas made plain text."""
    text = io.StringIO()
    writer = csv.writer(text, quoting=csv.QUOTE_ALL, lineterminator="\r\n")
    for index, document in enumerate(documents):
        if header and index == 0:
            writer.writerow(document)
        writer.writerow(_cell(value) for value in document.values())
    return text.getvalue()


def _cell(value: Any) -> str:
    text = " ".join(value) if isinstance(value, list) else "" if value is None else str(value)
    return f"'{text}" if text.startswith(_FORMULA_STARTS) else text
