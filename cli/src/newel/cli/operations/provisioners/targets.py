"""Where an authority's provisioners are: with the authority, if it is managed remotely, else in its ca.json."""

import contextlib
from collections.abc import Callable, Generator
from typing import TYPE_CHECKING, Any, Protocol

from newel.cli.operations.administration import admin_session

if TYPE_CHECKING:
    from newel.cli.operations.administration.admin_session import AdminOptions

Record = dict[str, Any]


class Place(Protocol):
    """Keeps provisioners as records of ca.json's shape, whatever it makes of them."""

    def add(self, record: Record) -> None:
        """Add a provisioner. Raises CliError."""
        ...

    def change(self, name: str, change: Callable[[Record], None]) -> None:
        """Change the provisioner of that name. Raises CliError."""
        ...

    def remove(self, name: str) -> None:
        """Remove the provisioner of that name. Raises CliError."""
        ...


@contextlib.contextmanager
def open_place(options: "AdminOptions") -> Generator[Place]:
    """Yield the place to change; an authority that does not answer has its ca.json here."""
    if admin_session.probe_management(options.authority):
        from newel.cli.operations.provisioners.managed import ManagedProvisioners

        with admin_session.open_session(options) as session:
            yield ManagedProvisioners(session)
        return
    from newel.cli.operations.provisioners import stored

    with stored.open_configuration(options.authority.configuration) as place:
        yield place
