"""What became of records that an import brings over."""

from dataclasses import dataclass, field


@dataclass
class Tally:
    """How many records are new, and which are not taken."""

    new: int = 0
    known: int = 0
    """Already there."""
    left_out: list[tuple[str, str]] = field(default_factory=list[tuple[str, str]])
    """Which one, by its serial number in decimal or another name, and why."""
