"""`newel ca admin add`."""

from typing import TYPE_CHECKING

from newel.cli.operations.administration import admin_records, admin_session
from newel.cli.options.groups import admin_options

if TYPE_CHECKING:
    from newel.cli.options.records.ca_admin import CAAdminAddOptions


def run(options: "CAAdminAddOptions") -> None:
    """Make an administrator of a name that a provisioner authenticates."""
    from newel.client import admin_calls

    subject, provisioner = options.positionals(2)
    kind = "SUPER_ADMIN" if options.super else "ADMIN"
    with admin_session.open_session(admin_options(options)) as session:
        made = session.send(admin_calls.create_admin(subject, provisioner, kind))
        records = admin_records.list_records(session, [made])
    admin_records.show(records, json=options.json)
