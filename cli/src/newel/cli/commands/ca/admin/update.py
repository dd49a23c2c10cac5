"""`newel ca admin update`."""

from newel.cli.errors import UsageError
from newel.cli.operations.administration import admin_records, admin_session
from newel.cli.options.invocation import Invocation


def run(call: Invocation) -> None:
    """Makes an administrator a super administrator, or with --super=false one no more."""
    from newel.client import admin_calls

    (subject,) = call.positionals(1)
    if not call.given("super"):
        raise UsageError(f"'{call.command.usage}' requires the '--super' flag")
    kind = "SUPER_ADMIN" if call.on("super") else "ADMIN"
    with admin_session.opened(call, by=admin_records.SESSION_BY) as session:
        record = admin_records.chosen(call, session, subject)
        changed = session.send(admin_calls.update_admin(record.id, kind))
    admin_records.show(call, [record._replace(kind=changed.kind)])
