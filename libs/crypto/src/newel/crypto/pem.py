"""PEM, RFC 7468: a fast writer, and a strict reader of bounded input."""

import base64
import binascii
import re
from collections.abc import Iterable

MAX_SIZE = 1 << 20

_BLOCK = re.compile(
    rb"-----BEGIN ([A-Z0-9 ]{1,64})-----[ \t]*[\r\n]"
    rb"([A-Za-z0-9+/=\s]*?)"
    rb"-----END ([A-Z0-9 ]{1,64})-----"
)


class PEMError(ValueError):
    """The text is not the PEM it should be."""


def encode(der: bytes, label: str = "CERTIFICATE") -> bytes:
    """Encode one block: 64 columns, line feeds, also at the end."""
    body = base64.b64encode(der)
    lines = b"\n".join([body[i : i + 64] for i in range(0, len(body), 64)])
    name = label.encode()
    return b"-----BEGIN " + name + b"-----\n" + lines + b"\n-----END " + name + b"-----\n"


def encode_json(der: bytes, label: str = "CERTIFICATE") -> bytes:
    """Encode the block as the inside of a JSON string: a backslash and an n for each line feed."""
    return encode(der, label).replace(b"\n", b"\\n")


def encode_all(ders: Iterable[bytes], label: str = "CERTIFICATE") -> bytes:
    """Encode several blocks, one after the other, as in chain files."""
    return b"".join([encode(der, label) for der in ders])


def decode(text: bytes, label: str = "CERTIFICATE") -> bytes:
    """Decode the only block in ``text``, which must have ``label``.

    Only white space may surround it. Raises :class:`PEMError`.
    """
    begin, end = (
        b"-----BEGIN " + label.encode() + b"-----\n",
        b"-----END " + label.encode() + b"-----\n",
    )
    if text.startswith(begin) and text.endswith(end) and len(text) <= MAX_SIZE:
        body = text[len(begin) : -len(end)]
        if b"-" not in body:  # one block in the common form
            return _base64(body)
    blocks = decode_all(text, label)
    if len(blocks) != 1:
        raise PEMError(f"{len(blocks)} PEM blocks where one is expected")
    return blocks[0]


def decode_all(text: bytes, label: str = "CERTIFICATE") -> list[bytes]:
    """Decode every block in ``text``, each of which must have ``label``; at least one."""
    if len(text) > MAX_SIZE:
        raise PEMError(f"the PEM text is longer than {MAX_SIZE} octets")
    ders: list[bytes] = []
    rest = 0
    wanted = label.encode()
    while match := _BLOCK.search(text, rest):
        if text[rest : match.start()].strip():
            raise PEMError("there is text outside the PEM blocks")
        if match[1] != wanted or match[3] != wanted:
            raise PEMError(f"the PEM block is not a {label}")
        ders.append(_base64(match[2]))
        rest = match.end()
    if text[rest:].strip():
        raise PEMError("there is text outside the PEM blocks")
    if not ders:
        raise PEMError(f"there is no PEM block with the label {label}")
    return ders


def _base64(body: bytes) -> bytes:
    try:
        der = binascii.a2b_base64(body.translate(None, b" \t\r\n\v\f"), strict_mode=True)
    except binascii.Error as error:
        raise PEMError(f"the PEM block is not base64: {error}") from None
    if not der:
        raise PEMError("the PEM block is empty")
    return der
