"""`newel ca acme eab list`."""

import os
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING

from newel.cli.operations import pagination
from newel.cli.operations.administration import admin_session, external_keys
from newel.cli.options.invocation import Invocation

if TYPE_CHECKING:
    from newel.client.admin_calls import ExternalKey

TITLES = ("Key ID", "Provisioner", "Key (masked)", "Created At", "Bound At", "Account", "Reference")


def run(call: Invocation) -> None:
    """Prints a provisioner's keys, through $PAGER where a person looks."""
    from newel.client import admin_calls

    words = call.positionals(1, 2)
    name, reference = words[0], "".join(words[1:])
    limit = call.integer("limit")
    with (
        admin_session.opened(call) as session,
        external_keys.explained("retrieving ACME EAB keys"),
    ):
        found = pagination.every(
            lambda cursor: session.send(
                admin_calls.external_keys(name, reference, cursor=cursor, limit=limit)
            ),
            "keys",
        )
    if call.json:
        from newel.cli.interact.terminal import show_json

        show_json([external_keys.as_json(key) for key in found])
    elif not found:
        print(f"No ACME EAB keys stored for provisioner {name}")
    else:
        show(call, "\n".join([external_keys.line(TITLES, external_keys.LISTED), *map(row, found)]))


def row(key: "ExternalKey") -> str:
    """One key of the table."""
    created, bound = external_keys.moment(key.created_at), external_keys.moment(key.bound_at)
    cells = (key.id, key.provisioner, "*****", created, bound, key.account, key.reference)
    return external_keys.line(cells, external_keys.LISTED)


def show(call: Invocation, text: str) -> None:
    """Prints, or hands to the pager."""
    pager = shutil.which(os.environ.get("PAGER", ""))
    if pager and sys.stdout.isatty() and not call.on("no-pager"):
        subprocess.run([pager], input=text + "\n", text=True, check=False)
    else:
        print(text)
