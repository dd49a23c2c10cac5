"""`newel base64`: encodes or decodes words or stdin."""

import base64
import binascii
import sys
from typing import TYPE_CHECKING

from newel.cli.errors import CliError
from newel.cli.store.files import read

if TYPE_CHECKING:
    from newel.cli.options.records.base64 import Base64Options


def run(options: "Base64Options") -> None:
    """Encode to stdout; with -d decodes whichever alphabet and padding the input has."""
    data = " ".join(options.args).encode() if options.args else read("-")
    if options.decode:
        sys.stdout.buffer.write(decode(data))
        sys.stdout.flush()
        return
    encoded = base64.urlsafe_b64encode(data) if options.url else base64.b64encode(data)
    print((encoded.rstrip(b"=") if options.raw else encoded).decode())


def decode(data: bytes) -> bytes:
    """Return the octets of standard or URL base64, padded or not; line breaks are ignored."""
    packed = b"".join(data.split()).translate(bytes.maketrans(b"-_", b"+/")).rstrip(b"=")
    try:
        return base64.b64decode(packed + b"=" * (-len(packed) % 4), validate=True)
    except binascii.Error as error:
        raise CliError(f"error decoding input: {error}") from None
