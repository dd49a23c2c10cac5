"""Certificate policies with what they say to people (RFC 5280 §4.2.1.4)."""

from typing import Any

from newel.crypto import der
from newel.crypto.reader import extensions as values
from newel.crypto.reader.names import decode_string

_CPS = "1.3.6.1.5.5.7.2.1"
_NOTICE = "1.3.6.1.5.5.7.2.2"


def members(value: bytes) -> list[dict[str, Any]]:
    """Every policy: identifier, statements, notices."""
    return [one(oid, qualifiers) for oid, qualifiers in values.policies(value)]


def one(oid: str, qualifiers: list[bytes]) -> dict[str, Any]:
    """One policy."""
    found: dict[str, Any] = {"id": oid}
    for raw in qualifiers:
        inner = der.Reader(der.only(raw).content)
        kind = inner.oid()
        if kind == _CPS:
            found.setdefault("cps", []).append(decode_string(inner.read()))
        elif kind == _NOTICE:
            found.setdefault("user_notice", []).append(notice(inner.read(der.SEQUENCE)))
    return found


def notice(element: der.Element) -> dict[str, Any]:
    """Return a user notice: its text and the document it stands in."""
    inner = der.Reader(element.content)
    reference = inner.optional(der.SEQUENCE)
    found: dict[str, Any] = {} if inner.at_end else {"explicit_text": decode_string(inner.read())}
    if reference:
        parts = der.Reader(reference.content)
        organization = decode_string(parts.read())
        numbers = der.children(parts.read(der.SEQUENCE).content)
        found["notice_reference"] = [
            {
                "organization": organization,
                "notice_numbers": [int.from_bytes(n.content, "big", signed=True) for n in numbers],
            }
        ]
    return found
