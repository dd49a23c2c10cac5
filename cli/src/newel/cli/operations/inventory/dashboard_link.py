"""A link into the dashboard, for which a client certificate is shown or its key signs delegations."""

import datetime as dt
from typing import TYPE_CHECKING

from newel.cli.errors import CliError
from newel.cli.operations import connection
from newel.cli.operations.inventory import session

if TYPE_CHECKING:
    from newel.client.catalogue import DashboardLink, DashboardProof

NOT_FOUND, METHOD_NOT_ALLOWED = 404, 405


def make_link(options: session.ServiceOptions) -> "DashboardLink":
    """Get a one-time link into the dashboard at the address of the options. Raises CliError.

    A dashboard that is a process of its own cannot hand a client certificate on to the interfaces: it gets
    a delegation for each, which ends with its session.
    """
    from newel.client import catalogue
    from newel.client.errors import RefusedError

    with session.connect(options) as dashboard:
        try:
            wanted = dashboard.send(catalogue.dashboard_proof())
        except RefusedError as error:
            if error.status == METHOD_NOT_ALLOWED:  # an older one, which takes certificates alone
                return dashboard.send(catalogue.dashboard_link())
            if error.status != NOT_FOUND:
                raise
            raise CliError(
                "this authority has no dashboard",
                hint="Where it is not at the authority's address, name it by --dashboard-url.",
            ) from None
        if not wanted.by_certificate and options.url is None:
            # an authority that was broken into could ask for the rights of the administrator who wants a link
            raise CliError(
                "this authority asks for delegations in the place of a client certificate",
                hint="Only a dashboard that you name gets them: give its address by --dashboard-url.",
            )
        delegations = None if wanted.by_certificate else delegate(options, wanted)
        return dashboard.send(catalogue.dashboard_link(delegations))


def delegate(options: session.ServiceOptions, wanted: "DashboardProof") -> dict[str, str]:
    """Sign a delegation for each interface. Raises CliError."""
    from newel.cli.operations.keys.signing_keys import signing_key
    from newel.cli.operations.renewal.leaf import read_leaf
    from newel.client.clock import now
    from newel.step import delegations

    certificate, key_file = session.find_files(options)
    if not certificate or not key_file:
        certificate, key_file = connection.read_identity(options.authority.identity_file)
    if not certificate or not key_file:
        raise CliError(
            "the dashboard wants to know which administrator asks",
            hint="Name one by --admin-cert and --admin-key.",
        )
    leaf = read_leaf(certificate).chain[0]
    key = signing_key(key_file, options.admin_key_password_file)
    lifetime = min(dt.timedelta(seconds=wanted.seconds), delegations.LONGEST)
    return {name: delegations.make(leaf, key, name, now(), lifetime) for name in wanted.interfaces}
