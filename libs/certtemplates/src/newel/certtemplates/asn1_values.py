"""ASN.1 values from text with a type before it (``utf8:…``), and the functions that make them in templates."""

import datetime as dt
import re
from base64 import b64encode
from collections.abc import Callable
from typing import Any

from newel.crypto import der
from newel.gotemplate.calls import Functions, declare
from newel.gotemplate.errors import CallError
from newel.gotemplate.functions.encodings import from_base64
from newel.gotemplate.time_format import seconds_east
from newel.gotemplate.time_parse import parse_time
from newel.gotemplate.values import type_name

UTF8, NUMERIC, PRINTABLE, IA5 = der.UTF8_STRING, 0x12, der.PRINTABLE_STRING, der.IA5_STRING
PRINTED = re.compile(r"[A-Za-z0-9 '()+,\-./:=?]*")
STRINGS = {
    "utf8": (UTF8, re.compile(r"[^\ud800-\udfff]*", re.DOTALL)),
    "ia5": (IA5, re.compile(r"[\x00-\x7f]*")),
    "numeric": (NUMERIC, re.compile(r"[0-9 ]*")),
    "printable": (PRINTABLE, re.compile(r"[A-Za-z0-9 '()+,\-./:=?*&]*")),
}
TRUTH = {
    **dict.fromkeys(("1", "t", "T", "true", "TRUE", "True"), True),
    **dict.fromkeys(("0", "f", "F", "false", "FALSE", "False"), False),
}
WRITTEN = ("2006-01-02 15:04:05.999999999 -0700 MST", "2006-01-02T15:04:05Z07:00")
INT = re.compile(r"[+-]?[0-9]{1,19}")


def string(text: str) -> bytes:
    """Return a string as Go encodes it: a PrintableString where it can be one, else a UTF8String."""
    try:
        return der.tlv(PRINTABLE if PRINTED.fullmatch(text) else UTF8, text.encode())
    except UnicodeEncodeError:
        raise CallError("asn1: string not valid UTF-8") from None


def number(text: str) -> bytes:
    """Return an INTEGER."""
    if INT.fullmatch(text) is None:
        raise CallError(f'invalid int value: strconv.Atoi: parsing "{text}": invalid syntax')
    return integer(int(text))


def integer(value: int) -> bytes:
    """Return an INTEGER of any sign."""
    return der.tlv(der.INTEGER, value.to_bytes(value.bit_length() // 8 + 1, signed=True))


def identifier(text: str) -> bytes:
    """Return an OBJECT IDENTIFIER."""
    try:
        return der.oid(text)
    except ValueError:
        raise CallError(
            f"invalid oid value: error unmarshaling json: {text} is not an ASN1 object identifier"
        ) from None


def truth(text: str) -> bytes:
    """Return a BOOLEAN."""
    if text not in TRUTH:
        raise CallError(f'invalid bool value: strconv.ParseBool: parsing "{text}": invalid syntax')
    return der.boolean(value=TRUTH[text])


def time(kind: str) -> Callable[[str], bytes]:
    """Return a function that makes a UTCTime or a GeneralizedTime."""

    def encode(text: str) -> bytes:
        for layout in WRITTEN:
            try:
                return encoded_time(kind, parse_time(layout, text))
            except CallError:
                continue
        raise CallError(f'invalid {kind} value: parsing time "{text}"')

    return encode


def encoded_time(kind: str, moment: dt.datetime) -> bytes:
    """Return a time in its own zone, as Go writes it."""
    east = seconds_east(moment) // 60
    zone = (
        "Z" if not east else f"{'-' if east < 0 else '+'}{abs(east) // 60:02d}{abs(east) % 60:02d}"
    )
    if kind == "utc" and 1950 <= moment.year < 2050:
        return der.tlv(der.UTC_TIME, f"{moment:%y%m%d%H%M%S}{zone}".encode())
    if kind == "utc":
        raise CallError("asn1: structure error: cannot represent time as UTCTime")
    return der.tlv(der.GENERALIZED_TIME, f"{moment:%Y%m%d%H%M%S}{zone}".encode())


OTHERS: dict[str, Callable[[str], bytes]] = {
    "int": number,
    "oid": identifier,
    "bool": truth,
    "boolean": truth,
    "utc": time("utc"),
    "generalized": time("generalized"),
    "raw": from_base64,
}


def split_type(text: str) -> tuple[str, str]:
    """Return the type before the first colon (``printable`` without one) and the value."""
    before, colon, after = text.partition(":")
    return (before, after) if colon else ("printable", text)


def encode(kind: str, text: str) -> bytes:
    """Return the value in DER; an unknown type is ``printable``. Raises CallError."""
    if kind in OTHERS:
        return OTHERS[kind](text)
    name = kind if kind in STRINGS else "printable"
    tag, allowed = STRINGS[name]
    if allowed.fullmatch(text) is None:
        raise CallError(f"invalid {name} value")
    return der.tlv(tag, text.encode())


def asn1_encode(text: str) -> str:
    """``asn1Enc``: text with its type, as base64 of DER."""
    return b64encode(encode(*split_type(text))).decode()


def asn1_marshal(value: Any, *parameters: str) -> str:
    """``asn1Marshal``: a value of Go's as base64 of DER; a parameter may name a string type or time."""
    words = ",".join(parameters).split(",")
    kind = next((word for word in words if word in STRINGS or word in {"utc", "generalized"}), "")
    unknown = [word for word in words if word and word != kind]
    if unknown:
        raise CallError(f"asn1: the parameter {unknown[0]} is not known here")
    return b64encode(marshal(value, kind)).decode()


def marshal(value: Any, kind: str) -> bytes:
    """Return a value of a template in DER."""
    if isinstance(value, bool):
        return der.boolean(value=value)
    if isinstance(value, int):
        return integer(value)
    if isinstance(value, str):
        return encode(kind, value) if kind in STRINGS else string(value)
    if isinstance(value, bytes):
        return der.octet_string(value)
    if isinstance(value, dt.datetime):
        early = 1950 <= value.year < 2050
        return encoded_time(kind or ("utc" if early else "generalized"), value)
    if isinstance(value, list):
        return der.sequence(*[marshal(each, kind) for each in value])
    raise CallError(f"asn1: structure error: unknown Go type: {type_name(value)}")


def asn1_sequence(*parts: str) -> str:
    """``asn1Seq``: a SEQUENCE of DER values in base64."""
    return b64encode(der.sequence(*map(from_base64, parts))).decode()


def asn1_set(*parts: str) -> str:
    """``asn1Set``: a SET of DER values in base64, in the order given."""
    return b64encode(der.tlv(der.SET, b"".join(map(from_base64, parts)))).decode()


FUNCTIONS: Functions = {
    "asn1Enc": declare("string", asn1_encode),
    "asn1Marshal": declare("any ...string", asn1_marshal),
    "asn1Seq": declare("...string", asn1_sequence),
    "asn1Set": declare("...string", asn1_set),
}
