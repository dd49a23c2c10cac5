"""A template's JSON read as Go reads it: keys in any case, one string where several may stand."""

import datetime as dt
import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NoReturn, TypeVar, cast

from newel.certtemplates.refusal import MismatchError, TemplateRefusedError
from newel.crypto import der
from newel.gotemplate.errors import CallError
from newel.gotemplate.functions.encodings import from_base64

T = TypeVar("T")
FAULTS = {
    "Expecting value": "looking for beginning of value",
    "Expecting property name enclosed in double quotes": "looking for beginning of object key string",
    "Expecting ':' delimiter": "after object key",
    "Expecting ',' delimiter": "after object key:value pair",
}


def refuse_constant(name: str) -> NoReturn:
    """JSON has no NaN and no Infinity."""
    raise TemplateRefusedError(f"invalid character {name[0]!r} looking for beginning of value")


def first_object(text: str) -> "Fields":
    """Return the object at the start of the text; the rest is ignored."""
    body = text.lstrip(" \t\r\n")
    try:
        found, _ = json.JSONDecoder(parse_constant=refuse_constant).raw_decode(body)
    except json.JSONDecodeError as error:
        raise TemplateRefusedError(syntax_fault(error)) from None
    except (RecursionError, ValueError) as error:
        raise TemplateRefusedError(str(error)) from None
    return Fields.of(found)


def syntax_fault(error: json.JSONDecodeError) -> str:
    """Where the text stops being JSON, in Go's words."""
    if error.pos >= len(error.doc):
        return "unexpected EOF" if error.doc else "EOF"
    where = FAULTS.get(error.msg)
    return f"invalid character '{error.doc[error.pos]}' {where}" if where else error.msg


class Fields:
    """An object's values by name; a name matches in any case, the exact one first."""

    def __init__(self, values: Mapping[str, Any]) -> None:
        self.exact = values
        self.folded = {name.lower(): value for name, value in values.items()}

    @classmethod
    def of(cls, value: Any, what: str = "a certificate") -> "Fields":
        """Return the fields of an object, none for null."""
        if value is None:
            return cls({})
        if not isinstance(value, dict):
            raise TemplateRefusedError(f"{what} is an object, not {kind(value)}")
        return cls(cast("dict[str, Any]", value))

    def get(self, name: str) -> Any:
        """Return a value unchanged, None if it is absent or null."""
        return self.exact.get(name, self.folded.get(name.lower()))

    def read(self, name: str, convert: Callable[[Any], T], default: T) -> T:
        """Return a converted value; an error names the field."""
        value = self.get(name)
        if value is None:
            return default
        try:
            return convert(value)
        except MismatchError as error:
            raise TemplateRefusedError(f"{name}: {error}") from None

    def texts(self, name: str) -> tuple[str, ...]:
        """Return one or more strings."""
        return self.read(name, several, ())

    def objects(self, name: str) -> "Iterator[Fields]":
        """Return a list of objects."""
        for value in self.read(name, items, ()):
            yield Fields.of(value, name)


def kind(value: Any) -> str:
    """Return the JSON type of a value."""
    names = {bool: "a boolean", int: "a number", float: "a number", str: "a string", list: "a list"}
    return names.get(type(value), "null" if value is None else "an object")


def items(value: Any) -> tuple[Any, ...]:
    """Return a list."""
    if not isinstance(value, list):
        raise MismatchError(f"a list is expected, not {kind(value)}")
    return tuple(value)


def text(value: Any) -> str:
    """Return a string."""
    if not isinstance(value, str):
        raise MismatchError(f"a string is expected, not {kind(value)}")
    return value


def several(value: Any) -> tuple[str, ...]:
    """Return a string, or a list of strings."""
    if isinstance(value, str):
        return (value,)
    return tuple("" if each is None else text(each) for each in items(value))


def truth(value: Any) -> bool:
    """Return a boolean."""
    if not isinstance(value, bool):
        raise MismatchError(f"a boolean is expected, not {kind(value)}")
    return value


def whole(value: Any) -> int:
    """Return an integer."""
    if not isinstance(value, int) or isinstance(value, bool) or abs(value) >= 1 << 63:
        raise MismatchError(f"an integer is expected, not {value}")
    return value


def octets(value: Any) -> bytes:
    """Base64."""
    try:
        return from_base64(text(value))
    except CallError as error:
        raise TemplateRefusedError(str(error)) from None


def object_identifier(value: Any) -> str:
    """Return a dotted object identifier; the empty string stays empty."""
    dotted = text(value)
    if not dotted:
        return ""
    try:
        der.oid(dotted)
    except ValueError:
        raise TemplateRefusedError(
            f"error unmarshaling json: {dotted} is not an ASN1 object identifier"
        ) from None
    return dotted


def object_identifiers(value: Any) -> tuple[str, ...]:
    """One or several."""
    return tuple(object_identifier(each) for each in several(value))


def serial(value: Any) -> int:
    """Return a serial number: a number, or a string with Go's prefixes."""
    if not isinstance(value, str):
        return whole(value)
    octal = value.startswith("0") and value.isdecimal() and len(value) > 1
    try:
        return int(value, 8 if octal else 0)
    except ValueError:
        raise TemplateRefusedError(
            f"error unmarshaling json: serialNumber {value} is not valid"
        ) from None


def moment(value: Any) -> dt.datetime:
    """Return a time in RFC 3339."""
    written = text(value)
    try:
        found = dt.datetime.fromisoformat(written)
    except ValueError:
        raise TemplateRefusedError(f'parsing time "{written}"') from None
    if found.tzinfo is None:
        raise TemplateRefusedError(f'parsing time "{written}": it has no zone')
    return found.astimezone(dt.UTC)
