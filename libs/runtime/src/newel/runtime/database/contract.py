"""How a service speaks to its database: statements, batches and one decision per unit.

SQL is written once, in the subset SQLite (3.35 or later) and PostgreSQL share: ``$1`` parameters,
``ON CONFLICT``, ``RETURNING``; octets as BLOB/BYTEA, times as BIGINT seconds since 1970, JSON as
TEXT. Both implementations commit in groups: what arrives while one transaction is being made
shares the next.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple, Protocol

Row = tuple[Any, ...]

_NUMBERED = re.compile(r"\$(\d+)")


@dataclass(frozen=True, slots=True)
class Statement:
    """One SQL text. Made once, as a module constant of a service's ``storage.py``."""

    text: str
    sqlite: str = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "sqlite", _NUMBERED.sub(r"?\1", self.text))


class Write(NamedTuple):
    """A statement with its parameters."""

    statement: Statement
    params: tuple[Any, ...]


class Database(Protocol):
    """One service's own database."""

    @property
    def dialect(self) -> Literal["sqlite", "postgresql"]:
        """Which of the two it is: for migrations and for what is a matter of speed alone."""
        ...

    async def fetch(self, statement: Statement, *params: Any) -> list[Row]:
        """Every row of a query."""
        ...

    async def fetch_many(self, statement: Statement, rows: Sequence[tuple[Any, ...]]) -> list[Row]:
        """The rows of one query asked with many parameter tuples, in one round trip if possible."""
        ...

    async def decide(self, gate: Write, *then: Write, durable: bool = True) -> Row | None:
        """A unit whose first statement decides; durable when it returns (see ``apply``).

        ``gate`` is an INSERT … ON CONFLICT DO NOTHING or a conditional UPDATE/DELETE, with a
        RETURNING clause whose first column equals the gate's first parameter; it touches one row at
        most. If it returns its row, ``then`` is executed in the same transaction and the row is the
        answer; if it returns none, nothing of the unit happens and the answer is None. Of many
        units that race, the database lets one win.
        Units of many callers share a transaction; one that raises takes no other with it.
        """
        ...

    async def decide_all(self, units: Sequence[tuple[Write, ...]]) -> list[Row | None]:
        """Many units at once, each as ``decide`` takes it, gate first; the answers in order.

        Cheaper than as many calls. When some raise, the others have happened and the first error is
        raised.
        """
        ...

    async def apply(self, *writes: Write, durable: bool = True) -> None:
        """A unit without a decision: all of its statements or, when one raises, none.

        Durable when it returns; with ``durable=False`` it survives the process at once, and the
        machine's power a little later: for what can be said or worked out again, such as cursors.
        """
        ...

    async def close(self) -> None:
        """Finishes what is queued and lets the connections go."""
        ...
