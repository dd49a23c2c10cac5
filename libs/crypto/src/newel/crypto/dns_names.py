"""Domain names as certificates may carry them: RFC 1123 §2.1, RFC 5890 §2.3, RFC 5280 §4.2.1.6."""

import re
from dataclasses import dataclass
from functools import lru_cache

from newel.crypto import idna

MAX_LENGTH = 253
MAX_LABEL = 63

_PLAIN = re.compile(
    r"(?:[a-z0-9](?:[a-z0-9-]*[a-z0-9])?\.)*[a-z0-9](?:[a-z0-9-]*[a-z0-9])?", re.ASCII
)
_UNDERSCORED = re.compile(
    r"(?:[a-z0-9_](?:[a-z0-9_-]*[a-z0-9_])?\.)*[a-z0-9_](?:[a-z0-9_-]*[a-z0-9_])?", re.ASCII
)
# What resolvers read as an IPv4 address in some old spelling: 2130706433, 127.1, 0x7f.1
_NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*", re.ASCII)


class InvalidNameError(ValueError):
    """The name is not one that a certificate may carry; the text says why."""


@dataclass(frozen=True, slots=True)
class NameRules:
    """What a caller's policy lets pass beyond the strict rules."""

    wildcards: bool = True
    underscores: bool = False


STRICT = NameRules()
UNDERSCORES = NameRules(underscores=True)


def canonical(text: str, rules: NameRules = STRICT) -> str:
    """The name in lower case and A-labels. Raises :class:`InvalidNameError`.

    Labels of 1 to 63 letters, digits and inner hyphens, at most 253 octets in all; a wildcard only
    as the whole leftmost label; no trailing dot; A-labels only such as IDNA 2008 allows; nothing
    that could be read as an IPv4 address.
    """
    return _canonical_strict(text) if rules is STRICT else _canonical(text, rules)


@lru_cache(maxsize=4096)  # on its way into a certificate a name is looked at again and again
def _canonical_strict(text: str) -> str:
    return _canonical(text, STRICT)


def _canonical(text: str, rules: NameRules) -> str:
    name = text.lower() if text.isascii() else _to_ascii(text)
    base = name
    if name.startswith("*."):
        if not rules.wildcards:
            raise InvalidNameError(f"wildcard names are not allowed: {text!r}")
        base = name[2:]
    shape = _UNDERSCORED if rules.underscores else _PLAIN
    if len(name) > MAX_LENGTH or not shape.fullmatch(base):
        raise InvalidNameError(_why_not(text[:256], name, base))
    labels = base.split(".")
    if max(map(len, labels)) > MAX_LABEL:
        raise InvalidNameError(f"a label is longer than {MAX_LABEL} octets: {text!r}")
    if _NUMBER.fullmatch(labels[-1]):
        raise InvalidNameError(f"the last label is a number: {text!r}")
    if "--" in base:
        _check_reserved_labels(text, labels)
    return name


def _to_ascii(text: str) -> str:
    if len(text) > MAX_LENGTH:
        raise InvalidNameError("the name is longer than 253 octets")
    try:
        return ".".join(
            label.lower() if label.isascii() else idna.to_ascii(label) for label in text.split(".")
        )
    except idna.LabelError as error:
        raise InvalidNameError(f"not a domain name: {text!r}: {error}") from None


def _check_reserved_labels(text: str, labels: list[str]) -> None:
    """Of the labels with hyphens third and fourth only A-labels exist (RFC 5890 §2.3.1)."""
    try:
        decoded = [
            idna.to_unicode(label) if label.startswith(idna.PREFIX) else label for label in labels
        ]
        idna.check_direction(decoded)
    except idna.LabelError as error:
        raise InvalidNameError(f"not a domain name: {text!r}: {error}") from None
    if any(label[2:4] == "--" and not label.startswith(idna.PREFIX) for label in labels):
        raise InvalidNameError(f"a label is of a reserved form: {text!r}")


def _why_not(text: str, name: str, base: str) -> str:
    if len(name) > MAX_LENGTH:
        return f"the name is longer than {MAX_LENGTH} octets"
    if not base:
        return f"the name is empty: {text!r}"
    if base.endswith("."):
        return f"the name ends with a dot: {text!r}"
    if "*" in base:
        return f"a wildcard must be the whole leftmost label: {text!r}"
    if "_" in base:
        return f"the name has an underscore: {text!r}"
    return f"not a domain name: {text!r}"
