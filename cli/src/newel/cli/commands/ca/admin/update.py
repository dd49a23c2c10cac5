"""`newel ca admin update`."""

from typing import TYPE_CHECKING

from newel.cli.errors import UsageError
from newel.cli.operations.administration import admin_records, admin_session
from newel.cli.options.groups import admin_options

if TYPE_CHECKING:
    from newel.cli.options.records.ca_admin import CAAdminUpdateOptions


def run(options: "CAAdminUpdateOptions") -> None:
    """Promote an administrator to super administrator, or demote one with --super=false."""
    from newel.client import admin_calls

    (subject,) = options.positionals(1)
    if not options.is_given("super"):
        raise UsageError(f"'{options.command.usage}' requires the '--super' flag")
    kind = "SUPER_ADMIN" if options.super else "ADMIN"
    with admin_session.open_session(admin_options(options, *admin_records.SESSION_BY)) as session:
        record = admin_records.choose_record(session, subject, options.provisioner)
        changed = session.send(admin_calls.update_admin(record.id, kind))
    admin_records.show([record._replace(kind=changed.kind)], json=options.json)
