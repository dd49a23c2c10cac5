"""A unit of work: one caller's statements, and the future with their outcome."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from newel.runtime.database.contract import Row, Write
from newel.runtime.errors import ErrorType, NewelError


@dataclass(slots=True, eq=False)
class Unit:
    """Statements that are committed together or not at all."""

    gate: Write | None
    then: tuple[Write, ...]
    done: asyncio.Future[Row | None]
    row: Row | None = None
    durable: bool = True

    def succeed(self) -> None:
        """Give the caller its row, if it still waits."""
        if not self.done.done():
            self.done.set_result(self.row)

    def fail(self, error: BaseException) -> None:
        """Raise the error for the caller, if it still waits."""
        if not self.done.done():
            self.done.set_exception(error)


async def gather_rows(futures: Sequence[asyncio.Future[Row | None]]) -> list[Row | None]:
    """Wait for all units and return their rows in order; raise the first error when any failed."""
    errors: list[BaseException] = []
    rows: list[Row | None] = []
    for future in futures:
        try:
            rows.append(await future)
        except Exception as error:  # noqa: BLE001 - the caller's, whatever it is
            errors.append(error)
    if errors:
        raise errors[0]
    return rows


def unavailable_error(error: BaseException, where: str = "") -> NewelError:
    """Build the error for a database that is unreachable or stays busy; ``where`` is the file's name."""
    named = where and where not in str(error)
    return NewelError(
        ErrorType.UNAVAILABLE,
        "the service cannot use its database now; try again later",
        cause=f"{type(error).__name__}: {where + ': ' if named else ''}{error}",
    )
