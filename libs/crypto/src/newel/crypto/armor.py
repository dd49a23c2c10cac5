"""The PEM blocks of a text file, in all the forms that programs write (RFC 7468 §2).

For files of an operator, and for requests, which are sent as programs print them. A file may have text
before, between and after its blocks (``openssl x509 -text``, bag attributes, comments), white space
around its lines, any line ends, a byte order mark, UTF-16, and NUL octets at its end. Other PEM from the
network is read by :mod:`newel.crypto.pem`, which allows none of this.
"""

import binascii
import re
from typing import NamedTuple

from newel.crypto import der
from newel.crypto.pem import MAX_SIZE, PEMError

_BEGIN = re.compile(rb"^[ \t]*-----BEGIN ([A-Z0-9 #]{1,64})-----", re.MULTILINE)
_NEXT = re.compile(rb"-----(BEGIN|END) ([A-Z0-9 #]{1,64})-----")
_HEADER = re.compile(rb"[A-Za-z][A-Za-z0-9-]*:")
_BLANK = b" \t\r\n\v\f\0"
_UTF_16 = {b"\xff\xfe": "utf-16-le", b"\xfe\xff": "utf-16-be"}
_UTF_8_MARK = b"\xef\xbb\xbf"


class Block(NamedTuple):
    """A block: its label, and the lines inside it without surrounding white space."""

    label: str
    lines: tuple[bytes, ...]

    @property
    def text(self) -> bytes:
        """The block alone, in the common form."""
        name = self.label.encode()
        inside = b"\n".join(self.lines)
        return b"-----BEGIN " + name + b"-----\n" + inside + b"\n-----END " + name + b"-----\n"

    @property
    def content(self) -> bytes:
        """The decoded octets; headers (RFC 1421) are skipped."""
        encoded = [line for line in self.lines if not _HEADER.match(line)]
        try:
            octets = binascii.a2b_base64(_without_blanks(b"".join(encoded)), strict_mode=True)
        except binascii.Error as error:
            raise PEMError(f"the PEM block {self.label} is not base64: {error}") from None
        if not octets:
            raise PEMError(f"the PEM block {self.label} is empty")
        return octets


def unify(data: bytes) -> bytes:
    """Convert the text of a file to UTF-8 with line feeds, without a byte order mark.

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
    """Split a file into its blocks; none if no line is ``-----BEGIN …-----``.

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
    """Split a binary file into its DER values; white space at its end is ignored.

    Raises :class:`der.DERError`.
    """
    found: list[bytes] = []
    reader = der.Reader(data)
    while not reader.at_end:
        if reader.peek() != der.SEQUENCE and not data[sum(map(len, found)) :].strip(_BLANK):
            break
        found.append(reader.read(der.SEQUENCE).raw)
    return found


def _without_blanks(encoded: bytes) -> bytes:
    return encoded.translate(None, _BLANK)


def _without_empty_ends(lines: list[bytes]) -> list[bytes]:
    """Keep empty lines inside a block only, where they end its headers."""
    filled = [number for number, line in enumerate(lines) if line]
    return lines[filled[0] : filled[-1] + 1] if filled else []
