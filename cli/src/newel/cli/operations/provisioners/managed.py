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


class ManagedProvisioners:
    """The authority keeps them; an administrator changes them."""

    def __init__(self, session: "AdminSession") -> None:
        self._session = session

    def add(self, record: Record) -> None:
        """Add a provisioner. Raises CliError."""
        with explain_errors(str(record["name"])):
            new = managed.to_managed(record)
        self._session.send(provisioner_calls.create(new))

    def change(self, name: str, change: Callable[[Record], None]) -> None:
        """Change the provisioner of that name; members without a record stay. Raises CliError."""
        found = self._session.send(provisioner_calls.get(name))
        with explain_errors(name):
            record = managed.from_managed(found)
            change(record)
            managed.update_managed(found, record)
        self._session.send(provisioner_calls.update(name, found))

    def remove(self, name: str) -> None:
        """Remove the provisioner of that name. Raises CliError."""
        self._session.send(provisioner_calls.remove(name))


@contextlib.contextmanager
def explain_errors(name: str) -> Generator[None]:
    """Explain a value that cannot be converted. Raises CliError."""
    try:
        yield
    except ValueError as error:
        raise CliError(f"error converting provisioner {name}: {error}") from None
