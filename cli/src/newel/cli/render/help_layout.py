"""How help is laid out: names in one column, meanings in the other, within the width of the terminal."""

import shutil
import textwrap
from collections.abc import Sequence

NARROWEST, WIDEST = 50, 110
LONGEST_NAME = 34
"""A name that is longer has a line of its own."""


def width() -> int:
    """Return characters in a line."""
    return min(max(shutil.get_terminal_size((100, 24)).columns, NARROWEST), WIDEST)


def wrap(text: str, *, indent: int = 0) -> str:
    """Wrap a sentence to the width of the terminal."""
    blanks = " " * indent
    return textwrap.fill(
        text,
        width(),
        initial_indent=blanks,
        subsequent_indent=blanks,
        break_on_hyphens=False,
        break_long_words=False,
    )


def sentence(summary: str) -> str:
    """Return a summary as a sentence."""
    return wrap(f"{summary[:1].upper()}{summary[1:]}.")


def columns(rows: Sequence[tuple[str, str]]) -> str:
    """Return names and meanings side by side."""
    longest = min(LONGEST_NAME, width() // 2)
    start = max((len(name) for name, _ in rows if len(name) <= longest), default=0) + 4
    lines: list[str] = []
    for name, meaning in rows:
        text = wrap(meaning, indent=start)
        if len(name) > start - 4:
            lines.append(f"  {name}\n{text}".rstrip())
        else:
            lines.append(f"  {name}".ljust(start) + text[start:])
    return "\n".join(line.rstrip() for line in lines)
