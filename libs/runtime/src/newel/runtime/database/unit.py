"""What waits to be committed: one caller's statements, and the future that tells how they ended."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from newel.runtime.database.contract import Row, Write
from newel.runtime.errors import ErrorType, NewelError


@dataclass(slots=True, eq=False)
class Unit:
    """Statements that happen together or not at all."""

    gate: Write | None
    then: tuple[Write, ...]
    done: asyncio.Future[Row | None]
    row: Row | None = None
    durable: bool = True

    def succeed(self) -> None:
        """Answers the caller, if it still waits."""
        if not self.done.done():
            self.done.set_result(self.row)

    def fail(self, error: BaseException) -> None:
        """Has the caller, if it still waits, see the error."""
        if not self.done.done():
            self.done.set_exception(error)


async def gather_rows(futures: Sequence[asyncio.Future[Row | None]]) -> list[Row | None]:
    """The results of units in order, once all have ended; the first error when any has failed."""
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
    """The refusal for a database that cannot be reached or stays busy; ``where`` is the file's name."""
    named = where and where not in str(error)
    return NewelError(
        ErrorType.UNAVAILABLE,
        "the service cannot use its database now; try again later",
        cause=f"{type(error).__name__}: {where + ': ' if named else ''}{error}",
    )
