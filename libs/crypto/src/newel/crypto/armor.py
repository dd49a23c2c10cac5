"""The blocks of a text file as people keep them: RFC 7468 §2 and the habits of many programs.

For files that an operator gives, and for requests, which people send as their programs print them. A
file may have text before, between and after its blocks (``openssl x509 -text``, bag attributes,
comments), blanks around its lines, any line ends, a byte order mark, UTF-16, and NUL octets at its end.
What else comes over the wire is read by :mod:`newel.crypto.pem`, which allows none of this.
"""

import binascii
import re
from typing import NamedTuple

from newel.crypto import der
from newel.crypto.pem import MAX_SIZE, PEMError

_BEGIN = re.compile(rb"^[ \t]*-----BEGIN ([A-Z0-9 ]{1,64})-----", re.MULTILINE)
_NEXT = re.compile(rb"-----(BEGIN|END) ([A-Z0-9 ]{1,64})-----")
_HEADER = re.compile(rb"[A-Za-z][A-Za-z0-9-]*:")
_BLANK = b" \t\r\n\v\f\0"
_UTF_16 = {b"\xff\xfe": "utf-16-le", b"\xfe\xff": "utf-16-be"}
_UTF_8_MARK = b"\xef\xbb\xbf"


class Block(NamedTuple):
    """One block: its label, and the lines inside it without blanks around them."""

    label: str
    lines: tuple[bytes, ...]

    @property
    def text(self) -> bytes:
        """The block alone, as every program writes it."""
        name = self.label.encode()
        inside = b"\n".join(self.lines)
        return b"-----BEGIN " + name + b"-----\n" + inside + b"\n-----END " + name + b"-----\n"

    @property
    def content(self) -> bytes:
        """The octets that the base64 stands for; headers (RFC 1421) are passed over."""
        encoded = [line for line in self.lines if not _HEADER.match(line)]
        try:
            octets = binascii.a2b_base64(_without_blanks(b"".join(encoded)), strict_mode=True)
        except binascii.Error as error:
            raise PEMError(f"the PEM block {self.label} is not base64: {error}") from None
        if not octets:
            raise PEMError(f"the PEM block {self.label} is empty")
        return octets


def unify(data: bytes) -> bytes:
    """The text of a file as UTF-8 with line feeds, without a byte order mark.

    Raises :class:`PEMError` for a file that is too long or is not text in the encoding it claims.
    """
    if len(data) > MAX_SIZE:
        raise PEMError(f"the file is longer than {MAX_SIZE} octets")
    encoding = _UTF_16.get(data[:2])
    if encoding is not None:
        try:
            data = data[2:].decode(encoding).encode()
        except UnicodeDecodeError:
            raise PEMError("the file is not the UTF-16 text that its first octets claim") from None
    return data.removeprefix(_UTF_8_MARK).replace(b"\r\n", b"\n").replace(b"\r", b"\n")


def blocks(data: bytes) -> list[Block]:
    """Every block of a file, in order; none for a file that has no line ``-----BEGIN …-----``.

    Raises :class:`PEMError` for a block that does not end, or ends under another label.
    """
    text = unify(data)
    found: list[Block] = []
    begin = _BEGIN.search(text)
    while begin is not None:
        label = begin[1].decode()
        end = _NEXT.search(text, begin.end())
        if end is None or end[1] == b"BEGIN":
            raise PEMError(f"the PEM block {label} does not end")
        if end[2] != begin[1]:
            raise PEMError(f"the PEM block {label} ends as {end[2].decode()}")
        inside = text[begin.end() : end.start()].split(b"\n")
        lines = [line.strip(_BLANK) for line in inside]
        found.append(Block(label, tuple(_without_empty_ends(lines))))
        begin = _BEGIN.search(text, end.end())
    return found


def elements(data: bytes) -> list[bytes]:
    """The DER values that a binary file holds one after the other, whatever blanks end the file.

    Raises :class:`der.DERError`.
    """
    found: list[bytes] = []
    reader = der.Reader(data)
    while not reader.done:
        if reader.peek() != der.SEQUENCE and not data[sum(map(len, found)) :].strip(_BLANK):
            break
        found.append(reader.read(der.SEQUENCE).raw)
    return found


def _without_blanks(encoded: bytes) -> bytes:
    return encoded.translate(None, _BLANK)


def _without_empty_ends(lines: list[bytes]) -> list[bytes]:
    """Empty lines matter inside a block, where they end its headers, and nowhere else."""
    filled = [number for number, line in enumerate(lines) if line]
    return lines[filled[0] : filled[-1] + 1] if filled else []
