"""IDNA 2008 labels: RFC 5891 (protocol), 5892 (code points), 5893 (right to left), 3492 (Punycode).

A label is one part of a domain name between dots. Code points are judged by the algorithm of
RFC 5892 §3 over the Unicode tables of the interpreter; where the algorithm needs a table that is
not there (joining types), the stricter answer is given.
"""

import unicodedata

PREFIX = "xn--"

# RFC 5892 §2.6
_ALLOWED_EXCEPTIONS = frozenset("\u00df\u03c2\u06fd\u06fe\u0f0b\u3007")
_DENIED_EXCEPTIONS = frozenset("\u0640\u07fa\u302e\u302f\u3031\u3032\u3033\u3034\u3035\u303b")
_ARABIC_DIGITS = frozenset(map(chr, range(0x0660, 0x066A)))
_EXTENDED_ARABIC_DIGITS = frozenset(map(chr, range(0x06F0, 0x06FA)))
# RFC 5892 §2.3 to §2.9: default ignorable letters and marks, ignorable blocks, old Hangul jamo
_DENIED_RANGES = (
    (0x034F, 0x034F), (0x1100, 0x11FF), (0x17B4, 0x17B5), (0x180B, 0x180F), (0x20D0, 0x20FF),
    (0x3164, 0x3164), (0xA960, 0xA97F), (0xD7B0, 0xD7FF), (0xFE00, 0xFE0F), (0xFFA0, 0xFFA0),
    (0x1D100, 0x1D24F), (0xE0000, 0xE0FFF),
)  # fmt: skip
_LETTERS_AND_DIGITS = frozenset({"Ll", "Lu", "Lo", "Nd", "Lm", "Mn", "Mc"})
_VIRAMA = 9
_LEFT_TO_RIGHT = frozenset({"L", "EN", "ES", "CS", "ET", "ON", "BN", "NSM"})
_RIGHT_TO_LEFT = frozenset({"R", "AL", "AN", "EN", "ES", "CS", "ET", "ON", "BN", "NSM"})


class LabelError(ValueError):
    """The label is not one that IDNA 2008 allows."""


def to_ascii(label: str) -> str:
    """The A-label of a label in Unicode, after lower case and NFC (RFC 5895 §2)."""
    mapped = unicodedata.normalize("NFC", label.lower())
    _check_u_label(mapped)
    return PREFIX + mapped.encode("punycode").decode()


def to_unicode(a_label: str) -> str:
    """The U-label of a lower-case A-label, checked as RFC 5891 §5.4 asks."""
    try:
        label = a_label.removeprefix(PREFIX).encode("ascii").decode("punycode")
    except (UnicodeError, ValueError, IndexError, OverflowError):
        raise LabelError(f"{a_label!r} is not Punycode") from None
    if label.isascii() or PREFIX + label.encode("punycode").decode() != a_label:
        raise LabelError(f"{a_label!r} is not the one Punycode form of its label")
    _check_u_label(label)
    return label


def check_direction(labels: list[str]) -> None:
    """The Bidi rule (RFC 5893 §2): once one label is right to left, every label must obey it."""
    directions = [[unicodedata.bidirectional(char) for char in label] for label in labels]
    if not any(kind in {"R", "AL", "AN"} for label in directions for kind in label):
        return
    for label, kinds in zip(labels, directions, strict=True):
        if not _obeys_bidi_rule(kinds):
            raise LabelError(f"{label!r} mixes writing directions")


def _obeys_bidi_rule(kinds: list[str]) -> bool:
    while kinds and kinds[-1] == "NSM":
        kinds = kinds[:-1]
    if not kinds:
        return False
    if kinds[0] == "L":
        return _LEFT_TO_RIGHT.issuperset(kinds) and kinds[-1] in {"L", "EN"}
    return (
        kinds[0] in {"R", "AL"}
        and _RIGHT_TO_LEFT.issuperset(kinds)
        and kinds[-1] in {"R", "AL", "EN", "AN"}
        and not ("EN" in kinds and "AN" in kinds)
    )


def _check_u_label(label: str) -> None:
    if unicodedata.normalize("NFC", label) != label:
        raise LabelError(f"{label!r} is not in normal form C")
    if label.startswith("-") or label.endswith("-") or label[2:4] == "--":
        raise LabelError(f"{label!r} has a hyphen where none may be")
    if unicodedata.category(label[0]).startswith("M"):
        raise LabelError(f"{label!r} begins with a combining mark")
    for index, char in enumerate(label):
        if not _is_allowed(label, index, char):
            raise LabelError(f"the code point U+{ord(char):04X} is not allowed in a domain name")


def _is_allowed(label: str, index: int, char: str) -> bool:
    """The order of RFC 5892 §3: exceptions, contextual rules, then properties."""
    if char in _ALLOWED_EXCEPTIONS or char == "-":
        return True
    if char in _DENIED_EXCEPTIONS:
        return False
    if (verdict := _contextual(label, index, char)) is not None:
        return verdict
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", char).casefold())
    if folded != char or any(low <= ord(char) <= high for low, high in _DENIED_RANGES):
        return False
    return unicodedata.category(char) in _LETTERS_AND_DIGITS


def _contextual(label: str, index: int, char: str) -> bool | None:
    """RFC 5892 appendix A; None for a code point that no rule there is about."""
    before, after = label[max(index - 1, 0) : index], label[index + 1 : index + 2]
    verdict: bool | None = None
    if char in "\u200c\u200d":
        verdict = bool(before) and unicodedata.combining(before) == _VIRAMA
    elif char == "\u00b7":
        verdict = before == after == "l"
    elif char == "\u0375":
        verdict = _is_of(after, "GREEK")
    elif char in "\u05f3\u05f4":
        verdict = _is_of(before, "HEBREW")
    elif char == "\u30fb":
        verdict = any(_is_of(other, "HIRAGANA", "KATAKANA", "CJK") for other in label)
    elif char in _ARABIC_DIGITS:
        verdict = _EXTENDED_ARABIC_DIGITS.isdisjoint(label)
    elif char in _EXTENDED_ARABIC_DIGITS:
        verdict = _ARABIC_DIGITS.isdisjoint(label)
    return verdict


def _is_of(char: str, *scripts: str) -> bool:
    name = unicodedata.name(char, "") if char else ""
    return name.startswith(scripts) and char != "\u30fb"
