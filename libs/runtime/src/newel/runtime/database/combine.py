"""A gate and the inserts that follow it, combined into one statement: one message instead of four.

``BEGIN``, the gate, each insert and ``COMMIT`` are round trips of their own; one statement is a
transaction by itself. PostgreSQL alone can do this: SQLite has no writes inside ``WITH``.
"""

import re
from functools import lru_cache

from newel.runtime.database.contract import Statement, Write

_INSERT = re.compile(r"\s*INSERT INTO (\w+)( \([\w, ]+\))? VALUES \(([$\w', ]+)\)\s*")
_PARAMETER = re.compile(r"\$(\d+)")


def combine_with_gate(gate: Write, then: tuple[Write, ...]) -> tuple[Write, tuple[Write, ...]]:
    """Combine a gate and its inserts into one write, or return both unchanged.

    What follows must be plain inserts into different tables, whose order has no effect.
    """
    whole = _build_statement(gate.statement, *(write.statement for write in then)) if then else None
    if whole is None:
        return gate, then
    params = gate.params
    for write in then:
        params += write.params
    return Write(whole, params), ()


@lru_cache(maxsize=256)
def _build_statement(gate: Statement, *then: Statement) -> Statement | None:
    """``WITH gate AS (…), insert0 AS (INSERT … SELECT … FROM gate) … SELECT * FROM gate``."""
    parts = [f"gate AS ({gate.text})"]
    tables: set[str] = set()
    known = _find_highest(gate.text)
    for number, statement in enumerate(then):
        insert = _INSERT.fullmatch(statement.text)
        if insert is None or insert[1] in tables:
            return None
        tables.add(insert[1])
        values = _PARAMETER.sub(lambda match, known=known: f"${int(match[1]) + known}", insert[3])
        into = f"INSERT INTO {insert[1]}{insert[2] or ''}"
        parts.append(f"insert{number} AS ({into} SELECT {values} FROM gate)")  # noqa: S608 - our own texts
        known += _find_highest(statement.text)
    return Statement(f"WITH {', '.join(parts)} SELECT * FROM gate")  # noqa: S608 - our own texts


def _find_highest(text: str) -> int:
    return max((int(number) for number in _PARAMETER.findall(text)), default=0)
