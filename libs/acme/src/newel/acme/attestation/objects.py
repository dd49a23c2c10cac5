"""Attestation objects (WebAuthn §6.5.4, without authenticator data) and their statements, from CBOR.

Only the CBOR that attestation statements are made of is read: integers, texts, octets, lists and maps
of definite length, each key once, nothing after the end, and no tags.
"""

import io
from collections.abc import Callable
from typing import Annotated, Any, TypeAlias, TypeVar

import cbor2
import msgspec

from newel.acme.attestation.errors import AttestationError

MAX_OBJECT = 32 * 1024
"""Octets of an attestation object: a chain of ten certificates, a signature and two structures."""
MAX_CHAIN = 10
"""Certificates in one statement."""
_MAX_DEPTH = 5

Chain: TypeAlias = Annotated[list[bytes], msgspec.Meta(min_length=1, max_length=MAX_CHAIN)]
"""``x5c``: certificates in DER, the leaf first."""
Octets: TypeAlias = Annotated[bytes, msgspec.Meta(min_length=1)]


class AttestationObject(msgspec.Struct, frozen=True):
    """The format and its statement; other members mean nothing here."""

    format: str = msgspec.field(name="fmt")
    statement: dict[str, Any] = msgspec.field(name="attStmt")


Statement = TypeVar("Statement")


def parse_object(data: bytes) -> AttestationObject:
    """Parse an attestation object. Raises :class:`AttestationError`."""
    return convert(
        decode(data, "the attestation object"), AttestationObject, "the attestation object"
    )


def convert(value: Any, shape: type[Statement], what: str) -> Statement:
    """Read decoded CBOR as a structure of this shape. Raises :class:`AttestationError`."""
    try:
        return msgspec.convert(value, shape, strict=True)
    except msgspec.ValidationError as error:
        raise AttestationError(f"{what}: {error}") from None


def decode(data: bytes, what: str) -> Any:
    """Decode one CBOR item that is all of ``data``. Raises :class:`AttestationError`."""
    if len(data) > MAX_OBJECT:
        raise AttestationError(f"{what} is longer than {MAX_OBJECT} octets")
    source = io.BytesIO(data)
    try:
        found = cbor2.CBORDecoder(
            source,
            tag_hook=_refuse_tag,
            semantic_decoders=_NO_TAGS,
            max_depth=_MAX_DEPTH,
            allow_indefinite=False,
            allow_duplicate_keys=False,
            strict_hashable_types=True,
        ).decode()
    except (cbor2.CBORError, ValueError, RecursionError, EOFError):
        raise AttestationError(f"{what} is not CBOR of the kind that is read here") from None
    if source.read(1):
        raise AttestationError(f"octets follow after {what}")
    return found


def _refuse_tag(*_: object) -> Any:
    raise ValueError("tags are not read here")


# those the library would turn into dates, numbers, regular expressions and the like
_TAGS = (
    *(*range(6), 25, *range(28, 31), *range(35, 38), 52, 54),
    *(100, 256, 258, 260, 261, 1004, 43000, 55799),
)
_NO_TAGS: dict[int, Callable[..., Any]] = dict.fromkeys(_TAGS, _refuse_tag)
