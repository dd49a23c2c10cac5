"""The contract between a service and its database: statements, batches and one decision per unit.

SQL is written once, in the subset SQLite (3.35 or later) and PostgreSQL share: ``$1`` parameters,
``ON CONFLICT``, ``RETURNING``; octets as BLOB/BYTEA, times as BIGINT seconds since 1970, JSON as
TEXT. Both implementations commit in groups: what arrives during one transaction
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
    """One SQL text, built once as a module constant of a service's ``storage.py``."""

    text: str
    alone: bool = False
    """Whether a unit that it gates has a transaction of its own: where what one unit writes decides what the
    next one may. Others that share a transaction are run side by side, statement by statement."""
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
        """Its engine: for migrations and for what is a matter of speed alone."""
        ...

    async def fetch(self, statement: Statement, *params: Any) -> list[Row]:
        """Fetch every row of a query."""
        ...

    async def fetch_many(self, statement: Statement, rows: Sequence[tuple[Any, ...]]) -> list[Row]:
        """Fetch the rows of one query run with many parameter tuples, in one round trip if possible."""
        ...

    async def decide(self, gate: Write, *then: Write, durable: bool = True) -> Row | None:
        """Commit a unit whose first statement decides; it is durable when this returns (see ``apply``).

        ``gate`` is an INSERT … ON CONFLICT DO NOTHING or a conditional UPDATE/DELETE, with a
        RETURNING clause whose first column equals the gate's first parameter; it touches one row at
        most. If it returns its row, ``then`` is executed in the same transaction and the row is
        returned; if it returns none, nothing of the unit happens and the result is None. Of many
        units that race, the database lets one win.
        Units of many callers share a transaction; one that raises takes no other with it.
        """
        ...

    async def decide_all(self, units: Sequence[tuple[Write, ...]]) -> list[Row | None]:
        """Commit many units at once, each as ``decide`` takes it, gate first; return the rows in order.

        Cheaper than as many calls. When some raise, the others have happened and the first error is
        raised.
        """
        ...

    async def apply(self, *writes: Write, durable: bool = True) -> None:
        """Commit a unit without a decision: all of its statements or, when one raises, none.

        Durable when it returns; with ``durable=False`` it survives the process at once, and the
        machine's power a little later: for what can be computed again, such as cursors.
        """
        ...

    async def close(self) -> None:
        """Finish what is queued and close the connections."""
        ...
