"""`newel ca admin add`."""

from newel.cli.operations.administration import admin_records, admin_session
from newel.cli.options.invocation import Invocation


def run(call: Invocation) -> None:
    """Makes a name that a provisioner vouches for an administrator."""
    from newel.client import admin_calls

    subject, provisioner = call.positionals(2)
    kind = "SUPER_ADMIN" if call.on("super") else "ADMIN"
    with admin_session.opened(call) as session:
        made = session.send(admin_calls.create_admin(subject, provisioner, kind))
        records = admin_records.named(session, [made])
    admin_records.show(call, records)
