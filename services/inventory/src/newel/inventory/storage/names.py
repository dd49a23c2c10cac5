"""Names as one column: each on a line of its own, so that a whole one can be found by its line ends."""

from collections.abc import Sequence


def join_names(names: Sequence[str]) -> str:
    """Return the column's text; "" for no names. A line break inside a name becomes a space."""
    return "".join(["\n", *(f"{name.replace(chr(10), ' ')}\n" for name in names)]) if names else ""


def split_names(text: str) -> tuple[str, ...]:
    """Return the names in the column's text."""
    return tuple(text.split("\n")[1:-1])
