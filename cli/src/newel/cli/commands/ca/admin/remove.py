"""`newel ca admin remove`."""

from newel.cli.operations.administration import admin_records, admin_session
from newel.cli.options.invocation import Invocation


def run(call: Invocation) -> None:
    """Takes an administrator away."""
    from newel.client import admin_calls

    (subject,) = call.positionals(1)
    with admin_session.opened(call, by=admin_records.SESSION_BY) as session:
        record = admin_records.chosen(call, session, subject)
        session.send(admin_calls.remove_admin(record.id))
