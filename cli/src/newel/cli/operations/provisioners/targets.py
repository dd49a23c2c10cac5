"""Where an authority's provisioners are: with the authority, if it is managed remotely, else in its ca.json."""

import contextlib
from collections.abc import Callable, Generator
from typing import TYPE_CHECKING, Any, Protocol

from newel.cli.operations.administration import admin_session

if TYPE_CHECKING:
    from newel.cli.options.invocation import Invocation

Record = dict[str, Any]


class Place(Protocol):
    """Keeps provisioners as records of ca.json's shape, whatever it makes of them."""

    def add(self, record: Record) -> None:
        """A new one. Raises CliError."""
        ...

    def change(self, name: str, change: Callable[[Record], None]) -> None:
        """Changes the one of that name. Raises CliError."""
        ...

    def remove(self, name: str) -> None:
        """Takes the one of that name away. Raises CliError."""
        ...


@contextlib.contextmanager
def opened(call: "Invocation") -> Generator[Place]:
    """The place to change; an authority that does not answer is taken to have a ca.json here."""
    if admin_session.offered(call):
        from newel.cli.operations.provisioners.managed import Managed

        with admin_session.opened(call) as session:
            yield Managed(session)
        return
    from newel.cli.operations.provisioners import stored

    with stored.opened(call) as place:
        yield place
