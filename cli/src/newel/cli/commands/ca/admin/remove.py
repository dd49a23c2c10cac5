"""`newel ca admin remove`."""

from typing import TYPE_CHECKING

from newel.cli.operations.administration import admin_records, admin_session

if TYPE_CHECKING:
    from newel.cli.options.records.ca import CAAdminRemoveOptions


def run(options: "CAAdminRemoveOptions") -> None:
    """Takes an administrator away."""
    from newel.client import admin_calls

    (subject,) = options.positionals(1)
    with admin_session.opened(options, by=admin_records.SESSION_BY) as session:
        record = admin_records.chosen(options, session, subject)
        session.send(admin_calls.remove_admin(record.id))
