"""The 256 symbols an emoji fingerprint writes octets with, by value."""

from pathlib import Path


def symbols() -> list[str]:
    """Return the symbol of each octet value, in order; some are sequences of code points."""
    return Path(__file__).with_suffix(".txt").read_text(encoding="utf-8").split()
