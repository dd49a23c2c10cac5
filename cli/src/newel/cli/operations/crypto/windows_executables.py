"""The signature of a Windows Portable Executable: where it is, and the certificates in it.

The fifth data directory of the optional header says where the attribute certificates begin, by offset in
the file; each has eight octets of header before its PKCS #7 SignedData.
"""

import struct
from typing import BinaryIO

from newel.cli.errors import CliError

LARGEST_SIGNATURE = 16 << 20
SIGNED_DATA = 2
DIRECTORIES = {0x10B: 96, 0x20B: 112}
"""Where the data directories begin in the optional header of 32 and of 64 bit files."""


def signature(file: BinaryIO) -> bytes:
    """Return the SignedData of the first attribute certificate. Raises CliError where there is none."""
    if read(file, 0, 2) != b"MZ":
        raise CliError("Unable to open the PE file: it does not begin with MZ")
    (start,) = struct.unpack("<I", read(file, 0x3C, 4))
    if read(file, start, 4) != b"PE\0\0":
        raise CliError("Unable to open the PE file: it has no PE signature")
    optional = start + 24
    (magic,) = struct.unpack("<H", read(file, optional, 2))
    if magic not in DIRECTORIES:
        raise CliError("Error parsing the executable's headers: unknown optional header")
    security = optional + DIRECTORIES[magic] + 4 * 8
    offset, size = struct.unpack("<II", read(file, security, 8))
    if offset == 0 or size <= 8:
        raise CliError("Error parsing the executable's headers: No Certificate Table found")
    if size > LARGEST_SIGNATURE:
        raise CliError("Error parsing the executable's headers: the certificate table is too large")
    _, _, kind = struct.unpack("<IHH", read(file, offset, 8))
    if kind != SIGNED_DATA:
        raise CliError(
            f"Error parsing the executable's headers: wCertificateType of {kind} is not supported"
        )
    return read(file, offset + 8, size - 8)


def certificates(data: bytes) -> list[bytes]:
    """Return the DER certificates in a SignedData, which may be followed by padding."""
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.serialization import Encoding, pkcs7

    from newel.crypto import der

    try:
        signed = der.Reader(data).read(der.SEQUENCE).raw
        found = pkcs7.load_der_pkcs7_certificates(signed)
    except (ValueError, UnsupportedAlgorithm) as error:
        raise CliError(
            f"Error to parse the certificate table from the executable's table: {error}"
        ) from None
    return [certificate.public_bytes(Encoding.DER) for certificate in found]


def read(file: BinaryIO, offset: int, size: int) -> bytes:
    """Return so many octets from an offset."""
    file.seek(offset)
    data = file.read(size)
    if len(data) != size:
        raise CliError("Unable to open the PE file: it ends too early")
    return data
