"""`newel ca admin remove`."""

from typing import TYPE_CHECKING

from newel.cli.operations.administration import admin_records, admin_session
from newel.cli.options.groups import admin_options

if TYPE_CHECKING:
    from newel.cli.options.records.ca_admin import CAAdminRemoveOptions


def run(options: "CAAdminRemoveOptions") -> None:
    """Remove an administrator."""
    from newel.client import admin_calls

    (subject,) = options.positionals(1)
    with admin_session.open_session(admin_options(options, *admin_records.SESSION_BY)) as session:
        record = admin_records.choose_record(session, subject, options.provisioner)
        session.send(admin_calls.remove_admin(record.id))
