"""`newel certificate format`: PEM becomes DER, DER becomes PEM."""

import os
import sys
from typing import TYPE_CHECKING

from newel.cli.errors import CliError
from newel.cli.operations.certificates import sources
from newel.crypto import der
from newel.crypto.reader import certificates as reader

if TYPE_CHECKING:
    from newel.cli.options.records.certificate import CertificateFormatOptions


def run(options: "CertificateFormatOptions") -> None:
    """Print or write the certificate or request in the other encoding."""
    name = (options.positionals(0, 1) or ["-"])[0]
    given = sources.raw_contents(name)
    turn = from_pem if b"-----BEGIN " in given else to_pem
    turned = turn(sources.unpack(given, name))
    out = options.out
    if out is None:
        sys.stdout.buffer.write(turned)
        sys.stdout.flush()
        return
    from newel.cli.interact.terminal import note
    from newel.cli.store.files import write

    mode = 0o600 if name == "-" else os.stat(name).st_mode & 0o777  # noqa: PTH116 - pathlib is slow
    write(out, turned, mode=mode, force=options.force)
    note(f"Your certificate has been saved in {out}")


def from_pem(data: bytes) -> bytes:
    """Return the first certificate or request among the blocks, in DER."""
    for block in sources.blocks(data):
        what = "certificate" if block.label == "CERTIFICATE" else "certificate request"
        if block.label != "CERTIFICATE" and block.label not in sources.REQUESTS:
            continue
        try:
            check_der(block.data, request=what != "certificate")
        except der.DERError as error:
            raise CliError(f"error parsing {what}: {error}") from None
        return block.data
    raise CliError("error decoding certificate: invalid PEM block")


def to_pem(data: bytes) -> bytes:
    """Return the certificate or request in PEM; what was PKCS #7 is so already."""
    if b"-----BEGIN " in data:
        return data
    for label in ("CERTIFICATE", "CERTIFICATE REQUEST"):
        try:
            check_der(data, request=label != "CERTIFICATE")
        except der.DERError:
            continue
        return sources.pem(data, label).encode()
    raise CliError("error parsing DER format certificate or certificate request")


def check_der(data: bytes, *, request: bool) -> None:
    """Raise DERError when the octets are not what they should be."""
    if request:
        reader.parse_request(data)
    else:
        reader.parse_certificate(data)
