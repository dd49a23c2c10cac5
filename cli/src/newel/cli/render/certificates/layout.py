"""Lines and columns of the texts about certificates."""

from collections.abc import Iterable


def join(lines: Iterable[str]) -> str:
    """Lines, each ended."""
    return "".join([f"{line}\n" for line in lines])


def columns(octets: bytes, width: int, indent: int) -> list[str]:
    """Return octets in hexadecimal, so many to a line; each line but the last ends in a colon."""
    rows = [octets[at : at + width].hex(":") for at in range(0, len(octets), width)]
    return [" " * indent + row + ":" for row in rows[:-1]] + [
        " " * indent + row for row in rows[-1:]
    ]
