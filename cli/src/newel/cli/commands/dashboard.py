"""`newel dashboard`."""

from typing import TYPE_CHECKING

from newel.cli.interact.terminal import note, show_json
from newel.cli.operations import connection
from newel.cli.operations.inventory import dashboard_link, session
from newel.cli.options.groups import authority_options

if TYPE_CHECKING:
    from newel.cli.options.records.dashboard import DashboardOptions


def run(options: "DashboardOptions") -> None:
    """Print a link that logs an administrator into the dashboard, once."""
    options.positionals(0)
    authority = authority_options(options)
    service = session.ServiceOptions(
        authority,
        options.dashboard_url,
        options.dashboard_root,
        options.admin_cert,
        options.admin_key,
        options.admin_key_password_file,
    )
    link = dashboard_link.make_link(service)
    url = options.dashboard_url or connection.url_of(authority)
    address = f"{url.rstrip('/')}{link.path}"
    if options.json:
        show_json({"url": address, "expires_at": link.expires_at})
        return
    print(address)
    note(f"It works once, until {link.expires_at}.")
