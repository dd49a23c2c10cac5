"""Domain names as certificates may carry them: RFC 1123 §2.1, RFC 5890 §2.3, RFC 5280 §4.2.1.6."""

import re
import unicodedata
from dataclasses import dataclass
from functools import lru_cache

import idna

MAX_LENGTH = 253
MAX_LABEL = 63
_ACE_PREFIX = "xn--"
_RIGHT_TO_LEFT = frozenset({"R", "AL", "AN"})

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
    """The exceptions to the strict rules that a caller's policy allows."""

    wildcards: bool = True
    underscores: bool = False


STRICT = NameRules()
UNDERSCORES = NameRules(underscores=True)


def canonical(text: str, rules: NameRules = STRICT) -> str:
    """Return the name in lower case and A-labels. Raises :class:`InvalidNameError`.

    Labels of 1 to 63 letters, digits and inner hyphens, at most 253 octets in all; a wildcard only
    as the whole leftmost label; no trailing dot; A-labels only such as IDNA 2008 allows; nothing
    that could be read as an IPv4 address.
    """
    if rules is STRICT:
        return _canonical_strict(text)
    return _canonical_underscored(text) if rules is UNDERSCORES else _canonical(text, rules)


@lru_cache(maxsize=4096)  # a name is checked several times before it is in a certificate
def _canonical_strict(text: str) -> str:
    return _canonical(text, STRICT)


@lru_cache(maxsize=4096)
def _canonical_underscored(text: str) -> str:
    return _canonical(text, UNDERSCORES)


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
    """Convert a name in Unicode to A-labels, after lower case and NFC (RFC 5895 §2)."""
    if len(text) > MAX_LENGTH:
        raise InvalidNameError("the name is longer than 253 octets")
    try:
        return ".".join(
            label.lower() if label.isascii() else _to_a_label(label) for label in text.split(".")
        )
    except idna.IDNAError as error:
        raise InvalidNameError(f"not a domain name: {text!r}: {error}") from None


def _to_a_label(label: str) -> str:
    mapped = unicodedata.normalize("NFC", label.lower())
    if mapped.isascii():  # the Kelvin sign, say: a letter in disguise
        raise idna.IDNAError(f"{label!r} is ASCII in compatibility characters")
    return idna.alabel(mapped).decode()


def _check_reserved_labels(text: str, labels: list[str]) -> None:
    """Check labels with hyphens third and fourth: only A-labels may (RFC 5890 §2.3.1).

    If one label is written from right to left, all must obey the Bidi rule (RFC 5893 §2).
    """
    try:
        decoded = [_to_u_label(each) if each.startswith(_ACE_PREFIX) else each for each in labels]
        if any(unicodedata.bidirectional(char) in _RIGHT_TO_LEFT for char in "".join(decoded)):
            for label in decoded:
                idna.check_bidi(label, check_ltr=True)
    except idna.IDNAError as error:
        raise InvalidNameError(f"not a domain name: {text!r}: {error}") from None
    if any(label[2:4] == "--" and not label.startswith(_ACE_PREFIX) for label in labels):
        raise InvalidNameError(f"a label is of a reserved form: {text!r}")


def _to_u_label(a_label: str) -> str:
    """Decode a lower-case A-label, which must be the only form of its U-label (RFC 5891 §5.4)."""
    label = idna.ulabel(a_label)
    if label.isascii() or idna.alabel(label).decode() != a_label:
        raise idna.IDNAError(f"{a_label!r} is not the one Punycode form of its label")
    return label


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
