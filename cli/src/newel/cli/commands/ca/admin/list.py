"""`newel ca admin list`."""

from typing import TYPE_CHECKING

from newel.cli.operations.administration import admin_records, admin_session

if TYPE_CHECKING:
    from newel.cli.options.records.ca import CAAdminListOptions


def run(options: "CAAdminListOptions") -> None:
    """Prints the administrators; --super and --provisioner choose among them."""
    options.positionals(0)
    with admin_session.opened(options, by=admin_records.SESSION_BY) as session:
        found = admin_records.every(session)
    if options.given("super"):
        found = [each for each in found if (each.kind == "SUPER_ADMIN") is options.super]
    name = options.provisioner
    admin_records.show(options, [each for each in found if name in {None, each.provisioner}])
