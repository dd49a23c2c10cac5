"""The provisioners of an authority that is managed remotely."""

import contextlib
from collections.abc import Callable, Generator
from typing import TYPE_CHECKING, Any

from newel.cli.errors import CliError
from newel.client import provisioner_calls
from newel.step import managed

if TYPE_CHECKING:
    from newel.cli.operations.administration.admin_session import AdminSession

Record = dict[str, Any]


class Managed:
    """The authority keeps them; an administrator changes them."""

    def __init__(self, session: "AdminSession") -> None:
        self._session = session

    def add(self, record: Record) -> None:
        """A new one. Raises CliError."""
        with said_in_words(str(record["name"])):
            new = managed.to_managed(record)
        self._session.send(provisioner_calls.create(new))

    def change(self, name: str, change: Callable[[Record], None]) -> None:
        """Changes the one of that name; what a record has no word for stays. Raises CliError."""
        found = self._session.send(provisioner_calls.get(name))
        with said_in_words(name):
            record = managed.from_managed(found)
            change(record)
            managed.update_managed(found, record)
        self._session.send(provisioner_calls.update(name, found))

    def remove(self, name: str) -> None:
        """Takes the one of that name away. Raises CliError."""
        self._session.send(provisioner_calls.remove(name))


@contextlib.contextmanager
def said_in_words(name: str) -> Generator[None]:
    """Turns a value that cannot be carried over into a sentence. Raises CliError."""
    try:
        yield
    except ValueError as error:
        raise CliError(f"error converting provisioner {name}: {error}") from None
