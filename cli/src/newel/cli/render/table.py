"""Tables in columns that tabs keep apart, so that both people and `cut` can read them."""

from collections.abc import Sequence

TAB = 8


def format_table(rows: Sequence[Sequence[str]]) -> str:
    """Return the rows with every column but the last padded by tabs to the stop after its widest cell."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    stops = [(width // TAB + 1) * TAB for width in widths]
    lines: list[str] = []
    for row in rows:
        filled = [
            cell + "\t" * -((len(cell) - stop) // TAB)
            for cell, stop in zip(row[:-1], stops, strict=False)
        ]
        lines.append("".join((*filled, row[-1])))
    return "\n".join(lines)
