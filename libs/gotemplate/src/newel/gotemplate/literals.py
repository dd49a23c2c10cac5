"""Go's literals: strings, characters and numbers (the Go specification, "Literals")."""

import re
from dataclasses import dataclass

SIMPLE = {"a": 7, "b": 8, "f": 12, "n": 10, "r": 13, "t": 9, "v": 11, "\\": 92, "'": 39, '"': 34}
ESCAPE = re.compile(
    r"\\(?:([abfnrtv\\'\"])|([0-7]{3})|x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8}))"
)
WRITTEN = {7: r"\a", 8: r"\b", 12: r"\f", 10: r"\n", 13: r"\r", 9: r"\t", 11: r"\v", 92: r"\\"}
INTEGER = re.compile(r"[+-]?(0[xX]_?[\da-fA-F]|0[bB]_?[01]|0[oO]?_?[0-7]|[1-9])[\da-fA-F_]*|[+-]?0")
UNUSUAL = re.compile(r'["\\]|[^ -~]')
LARGEST = (1 << 63) - 1


def octets(text: str) -> bytes:
    """Return a string's octets, as Go stores it: usually UTF-8."""
    return text.encode("utf-8", "surrogateescape")


def to_text(value: bytes) -> str:
    """Decode octets; those that are not UTF-8 become surrogates."""
    return value.decode("utf-8", "surrogateescape")


def unquote(literal: str) -> str:
    """Return the value of a quoted or raw literal. Raises ValueError for a wrong escape."""
    if literal[0] == "`":
        return literal[1:-1].replace("\r", "")
    body, found = literal[1:-1], bytearray()
    place = 0
    while place < len(body):
        if body[place] != "\\":
            end = body.find("\\", place)
            end = len(body) if end < 0 else end
            found += octets(body[place:end])
            place = end
            continue
        value, place = parse_escape(body, place, quote='"')
        found += value
    return to_text(bytes(found))


def parse_escape(body: str, place: int, quote: str) -> tuple[bytes, int]:
    """Return the octets of the escape at ``place`` and the position behind it."""
    match = ESCAPE.match(body, place)
    if match is None or (match[1] in {"'", '"'} and match[1] != quote):
        raise ValueError("invalid syntax")
    simple, octal, short, *wide = match.groups()
    if simple:
        return bytes([SIMPLE[simple]]), match.end()
    if octal or short:
        value = int(octal, 8) if octal else int(short, 16)
        if value > 255:
            raise ValueError("invalid syntax")
        return bytes([value]), match.end()
    value = int(wide[0] or wide[1], 16)
    if value > 0x10FFFF or 0xD800 <= value < 0xE000:
        raise ValueError("invalid syntax")
    return chr(value).encode(), match.end()


def parse_character(literal: str) -> int:
    """Return the code point of ``'x'``."""
    body = literal[1:-1]
    if body.startswith("\\"):
        value, end = parse_escape(body, 0, quote="'")
        wide = body[1] in "uU"
        point = ord(value.decode()) if wide else value[0]
    else:
        point, end = (ord(body[0]), 1) if body and body != "'" else (0, -1)
    if end != len(body):
        raise ValueError(f"malformed character constant: {literal}")
    return point


@dataclass(frozen=True)
class Number:
    """The values a numeral can take; None for the types it does not fit."""

    integer: int | None
    decimal: float | None


def parse_number(text: str) -> Number:
    """Return the values of a numeral. Raises ValueError in Go's words when it has none."""
    whole = parse_integer(text)
    if whole is not None:
        if not -LARGEST - 1 <= whole <= 2 * LARGEST + 1:
            raise ValueError(f"integer overflow: {quote(text)}")
        return Number(whole, float(whole))
    try:
        hexadecimal = "x" in text.lower()
        value = float.fromhex(text.replace("_", "")) if hexadecimal else float(text)
    except (ValueError, OverflowError):
        raise ValueError(f"illegal number syntax: {quote(text)}") from None
    if not re.search("[.pP]" if hexadecimal else "[.eE]", text):
        raise ValueError(f"integer overflow: {quote(text)}")
    if abs(value) == float("inf"):
        raise ValueError(f"illegal number syntax: {quote(text)}")
    fits = value == int(value) and abs(value) < LARGEST
    return Number(int(value) if fits else None, value)


def parse_integer(text: str) -> int | None:
    """Parse an integer literal with Go's prefixes; None for other text."""
    if INTEGER.fullmatch(text) is None:
        return None
    octal = re.fullmatch(r"([+-]?)0(_?[0-7][0-7_]*)", text)
    try:
        return int(f"{octal[1]}0o{octal[2]}" if octal else text, 0)
    except ValueError:
        return None


def quote(text: str) -> str:
    """Put the text in double quotes, as Go's ``%q`` does."""
    return '"' + UNUSUAL.sub(lambda match: escape_char(match[0], '"'), text) + '"'


def escape_char(char: str, quote: str) -> str:
    """Escape one character inside quotes."""
    point = ord(char)
    if char == quote:
        return "\\" + char
    if point in WRITTEN:
        return WRITTEN[point]
    if 0xDC80 <= point <= 0xDCFF:
        return f"\\x{point - 0xDC00:02x}"
    if char == " " or char.isprintable():
        return char
    if point < 0x80:
        return f"\\x{point:02x}"
    return f"\\u{point:04x}" if point < 0x10000 else f"\\U{point:08x}"
