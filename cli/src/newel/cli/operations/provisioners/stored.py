"""The provisioners of an authority's ca.json, changed in place: everything else in it stays as it is."""

import contextlib
import json
from collections.abc import Callable, Generator
from pathlib import Path
from typing import Any

from newel.cli.errors import CliError
from newel.cli.interact.terminal import note, say
from newel.cli.store import atomic_write, steppath

SUCCESS = (
    "\nSuccess! The authority's configuration has been updated. To pick it up, send the authority SIGHUP "
    "(kill -1 <pid>) or restart it."
)
Record = dict[str, Any]


class StoredProvisioners:
    """The list in the file."""

    def __init__(self, records: list[Record]) -> None:
        self._records = records

    def add(self, record: Record) -> None:
        """Add a provisioner at the end. Raises CliError."""
        self._records.append(record)
        self._refuse_twins(record)

    def change(self, name: str, change: Callable[[Record], None]) -> None:
        """Change the provisioner of that name. Raises CliError."""
        record = self._by_name(name)
        change(record)
        self._refuse_twins(record)

    def remove(self, name: str) -> None:
        """Remove the provisioner of that name. Raises CliError."""
        self._records.remove(self._by_name(name))

    def _by_name(self, name: str) -> Record:
        for record in self._records:
            if record.get("name") == name:
                return record
        raise CliError(f"error loading provisioner: provisioner {name} not found")

    def _refuse_twins(self, record: Record) -> None:
        name = record["name"]
        if sum(each.get("name") == name for each in self._records) > 1:
            raise CliError(
                f"error storing provisioner: provisioner with name {name} already exists"
            )


@contextlib.contextmanager
def open_configuration(path: Path) -> Generator[StoredProvisioners]:
    """Yield the provisioners of ca.json, and write them back when the block succeeds."""
    config = steppath.read_json(path, must=True)
    authority = config.setdefault("authority", {})
    if authority.get("enableAdmin"):
        raise CliError(
            "the provisioners of this authority are managed remotely: they are not in its ca.json"
        )
    found = authority.get("provisioners") or []
    yield StoredProvisioners(found)
    authority["provisioners"] = found
    text = json.dumps(config, indent="\t", ensure_ascii=False)
    say("CA Configuration", str(path))
    atomic_write.write_all([atomic_write.Target(str(path), text.encode(), 0o644)])
    note(SUCCESS)
