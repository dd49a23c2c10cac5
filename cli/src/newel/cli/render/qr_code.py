"""QR codes as PNG images of a given size."""

import struct
import zlib

from newel.cli.errors import CliError

QUIET = 4  # modules of white that ISO/IEC 18004 wants around the code


def png(text: str, size: int) -> bytes:
    """Return a square black-and-white PNG, ``size`` pixels wide, of a QR code with error correction M."""
    from segno import DataOverflowError, encoder

    try:
        matrix = encoder.encode(text, error="m", micro=False).matrix
    except DataOverflowError:
        raise CliError("the text is too long for a QR code") from None
    modules = len(matrix)
    scale = size // (modules + 2 * QUIET) or size // modules
    if scale == 0:
        raise CliError(f"the text is too long for a QR code of {size} pixels")
    margin = (size - modules * scale) // 2
    blank = bytes([1]) * size
    rows = [blank] * size
    for y, row in enumerate(matrix):
        line = bytearray(blank)
        for x, dark in enumerate(row):
            if dark:
                line[margin + x * scale : margin + (x + 1) * scale] = bytes(scale)
        rows[margin + y * scale : margin + (y + 1) * scale] = [bytes(line)] * scale
    return image(rows, size)


def image(rows: list[bytes], size: int) -> bytes:
    """Return a PNG with one bit per pixel; a row has one octet per pixel, 1 for white."""
    lines = b"".join(b"\0" + pack_png(row) for row in rows)
    return b"".join(
        (
            b"\x89PNG\r\n\x1a\n",
            chunk(b"IHDR", struct.pack(">IIBBBBB", size, size, 1, 0, 0, 0, 0)),
            chunk(b"IDAT", zlib.compress(lines, 9)),
            chunk(b"IEND", b""),
        )
    )


def pack_png(row: bytes) -> bytes:
    """Eight pixels to an octet, the leftmost in its highest bit."""
    bits = "".join("1" if pixel else "0" for pixel in row)
    bits += "0" * (-len(bits) % 8)
    return int(bits, 2).to_bytes(len(bits) // 8, "big")


def chunk(kind: bytes, data: bytes) -> bytes:
    """Return a PNG chunk: length, kind, data, checksum."""
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
