"""`newel ca admin update`."""

from typing import TYPE_CHECKING

from newel.cli.errors import UsageError
from newel.cli.operations.administration import admin_records, admin_session

if TYPE_CHECKING:
    from newel.cli.options.records.ca import CAAdminUpdateOptions


def run(options: "CAAdminUpdateOptions") -> None:
    """Makes an administrator a super administrator, or with --super=false one no more."""
    from newel.client import admin_calls

    (subject,) = options.positionals(1)
    if not options.given("super"):
        raise UsageError(f"'{options.command.usage}' requires the '--super' flag")
    kind = "SUPER_ADMIN" if options.super else "ADMIN"
    with admin_session.opened(options, by=admin_records.SESSION_BY) as session:
        record = admin_records.chosen(options, session, subject)
        changed = session.send(admin_calls.update_admin(record.id, kind))
    admin_records.show(options, [record._replace(kind=changed.kind)])
