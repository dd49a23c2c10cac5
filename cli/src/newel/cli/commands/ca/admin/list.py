"""`newel ca admin list`."""

from typing import TYPE_CHECKING

from newel.cli.operations.administration import admin_records, admin_session
from newel.cli.options.groups import admin_options

if TYPE_CHECKING:
    from newel.cli.options.records.ca_admin import CAAdminListOptions


def run(options: "CAAdminListOptions") -> None:
    """Print the administrators; --super and --provisioner choose among them."""
    options.positionals(0)
    with admin_session.open_session(admin_options(options, *admin_records.SESSION_BY)) as session:
        found = admin_records.every(session)
    if options.is_given("super"):
        found = [each for each in found if (each.kind == "SUPER_ADMIN") is options.super]
    name = options.provisioner
    admin_records.show(
        [each for each in found if name in {None, each.provisioner}], json=options.json
    )
