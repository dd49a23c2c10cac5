"""`newel ca admin list`."""

from newel.cli.operations.administration import admin_records, admin_session
from newel.cli.options.invocation import Invocation


def run(call: Invocation) -> None:
    """Prints the administrators; --super and --provisioner choose among them."""
    call.positionals(0)
    with admin_session.opened(call, by=admin_records.SESSION_BY) as session:
        found = admin_records.every(session)
    if call.given("super"):
        found = [each for each in found if (each.kind == "SUPER_ADMIN") is call.on("super")]
    name = call.get("provisioner")
    admin_records.show(call, [each for each in found if name in {None, each.provisioner}])
