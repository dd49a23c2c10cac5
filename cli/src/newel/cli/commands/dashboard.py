"""`newel dashboard`."""

from typing import TYPE_CHECKING

from newel.cli.errors import CliError
from newel.cli.interact.terminal import note, show_json
from newel.cli.operations import connection
from newel.cli.operations.inventory import session
from newel.cli.options.groups import authority_options, select

if TYPE_CHECKING:
    from newel.cli.options.records.dashboard import DashboardOptions

NOT_FOUND = 404


def run(options: "DashboardOptions") -> None:
    """Print a link that logs an administrator into the dashboard, once."""
    from newel.client import catalogue
    from newel.client.errors import RefusedError

    options.positionals(0)
    authority_at = authority_options(options)
    service = select(session.ServiceOptions, options, authority=authority_at)
    url = connection.url_of(authority_at).rstrip("/")
    with session.connect(service) as authority:
        try:
            link = authority.send(catalogue.dashboard_link())
        except RefusedError as error:
            if error.status != NOT_FOUND:
                raise
            raise CliError("this authority has no dashboard") from error
    address = f"{url}{link.path}"
    if options.json:
        show_json({"url": address, "expires_at": link.expires_at})
        return
    print(address)
    note(f"It works once, until {link.expires_at}.")
