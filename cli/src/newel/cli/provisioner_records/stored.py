"""The provisioners of an authority's ca.json, changed in place: everything else in it stays as it is."""

import contextlib
import json
from collections.abc import Generator
from typing import TYPE_CHECKING, Any

from newel.cli import file_sets, paths
from newel.cli.authority_files import configuration_of
from newel.cli.errors import CliError
from newel.cli.terminal import note, say

if TYPE_CHECKING:
    from newel.cli.invocation import Invocation

SUCCESS = (
    "\nSuccess! Your `step-ca` config has been updated. To pick up the new configuration SIGHUP "
    "(kill -1 <pid>) or restart the step-ca process."
)


@contextlib.contextmanager
def provisioners(call: "Invocation") -> Generator[list[dict[str, Any]]]:
    """The list to change; written back when the block ends well, untouched when it does not."""
    path = configuration_of(call)
    config = paths.read_json(path, must=True)
    authority = config.setdefault("authority", {})
    if authority.get("enableAdmin"):
        raise CliError(
            "the provisioners of this authority are managed remotely: they are not in its ca.json"
        )
    found = authority.get("provisioners") or []
    yield found
    authority["provisioners"] = found
    text = json.dumps(config, indent="\t", ensure_ascii=False)
    say("CA Configuration", str(path))
    file_sets.write_all([file_sets.Target(str(path), text.encode(), 0o644)])
    note(SUCCESS)


def by_name(records: list[dict[str, Any]], name: str) -> dict[str, Any]:
    """The one of that name. Raises CliError."""
    for record in records:
        if record.get("name") == name:
            return record
    raise CliError(f"error loading provisioner: provisioner {name} not found")


def refuse_taken(records: list[dict[str, Any]], name: str) -> None:
    """Raises CliError when there is one of that name."""
    if any(record.get("name") == name for record in records):
        raise CliError(f"error storing provisioner: provisioner with name {name} already exists")
