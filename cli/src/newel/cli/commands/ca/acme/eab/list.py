"""`newel ca acme eab list`."""

import os
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING

from newel.cli.operations import pagination
from newel.cli.operations.administration import admin_session, external_keys
from newel.cli.options.groups import admin_options

if TYPE_CHECKING:
    from newel.cli.options.records.ca_acme import CAACMEEABListOptions
    from newel.client.admin_calls import ExternalKey

TITLES = ("Key ID", "Provisioner", "Key (masked)", "Created At", "Bound At", "Account", "Reference")


def run(options: "CAACMEEABListOptions") -> None:
    """Print a provisioner's keys, through $PAGER where a person looks."""
    from newel.client import admin_calls

    words = options.positionals(1, 2)
    name, reference = words[0], "".join(words[1:])
    limit = options.integer("limit")
    with (
        admin_session.open_session(admin_options(options)) as session,
        external_keys.explain_refusals("retrieving ACME EAB keys"),
    ):
        found = pagination.collect(
            lambda cursor: session.send(
                admin_calls.external_keys(name, reference, cursor=cursor, limit=limit)
            ),
            "keys",
        )
    if options.json:
        from newel.cli.interact.terminal import show_json

        show_json([external_keys.as_json(key) for key in found])
    elif not found:
        print(f"No ACME EAB keys stored for provisioner {name}")
    else:
        show(
            options, "\n".join([external_keys.line(TITLES, external_keys.LISTED), *map(row, found)])
        )


def row(key: "ExternalKey") -> str:
    """One key of the table."""
    created, bound = external_keys.moment(key.created_at), external_keys.moment(key.bound_at)
    account = key.account
    if key.most_accounts > 1:
        account = f"{key.bound_accounts} of {key.most_accounts} accounts"
    cells = (key.id, key.provisioner, "*****", created, bound, account, key.reference)
    return external_keys.line(cells, external_keys.LISTED)


def show(options: "CAACMEEABListOptions", text: str) -> None:
    """Print a text, through the pager where a person looks."""
    pager = shutil.which(os.environ.get("PAGER", ""))
    if pager and sys.stdout.isatty() and not options.no_pager:
        subprocess.run([pager], input=text + "\n", text=True, check=False)
    else:
        print(text)
