"""`newel ca admin add`."""

from typing import TYPE_CHECKING

from newel.cli.operations.administration import admin_records, admin_session

if TYPE_CHECKING:
    from newel.cli.options.records.ca import CAAdminAddOptions


def run(options: "CAAdminAddOptions") -> None:
    """Makes a name that a provisioner vouches for an administrator."""
    from newel.client import admin_calls

    subject, provisioner = options.positionals(2)
    kind = "SUPER_ADMIN" if options.super else "ADMIN"
    with admin_session.opened(options) as session:
        made = session.send(admin_calls.create_admin(subject, provisioner, kind))
        records = admin_records.named(session, [made])
    admin_records.show(options, records)
