"""Who answers administrators, as the flags name it: where it is, and the certificate that shows one."""

import contextlib
from collections.abc import Generator
from typing import TYPE_CHECKING

from newel.cli.errors import CliError, UsageError
from newel.cli.operations import connection
from newel.cli.options.groups import authority_options

if TYPE_CHECKING:
    from newel.cli.options.invocation import Invocation
    from newel.client.authority import Authority

PASSWORD = "admin-key-password-file"  # noqa: S105 - a flag
UNAUTHORIZED = 401


def connect_inventory(call: "Invocation") -> contextlib.AbstractContextManager["Authority"]:
    """Connect to the inventory, at the authority's address unless --inventory-url names another."""
    return _connect(call, "inventory")


def connect_alerting(call: "Invocation") -> contextlib.AbstractContextManager["Authority"]:
    """Alerting: at the authority's address unless --alerting-url says otherwise."""
    return _connect(call, "alerting")


@contextlib.contextmanager
def _connect(call: "Invocation", service: str) -> Generator["Authority"]:
    """Connect as the administrator of --admin-cert, else as the managed identity or the stored
    administrator.

    Raises CliError.
    """
    from newel.cli.operations.inventory.administrator import stored_administrator
    from newel.client.errors import RefusedError

    certificate, key = call.get("admin-cert"), call.get("admin-key")
    if bool(certificate) is not bool(key):
        given, lacking = ("cert", "key") if certificate else ("key", "cert")
        raise UsageError(f"flag '--admin-{given}' requires the '--admin-{lacking}' flag")
    if not certificate and not authority_options(call).identity_file.is_file():
        certificate, key = stored_administrator(call) or (None, None)
    given, root = call.get(f"{service}-url"), call.get(f"{service}-root")
    url = given or connection.url_of(authority_options(call))
    pem = connection.read_roots(root) if root else None
    opened = (
        connection.authenticate(
            authority_options(call),
            certificate,
            key,
            url=url,
            root=pem,
            password_file=call.get(PASSWORD),
        )
        if certificate and key
        else connection.connect(authority_options(call), url=url, root=pem)
    )
    try:
        with opened as authority:
            yield authority
    except CliError as error:
        refusal = error.__cause__
        if isinstance(refusal, RefusedError):
            # what went wrong is said in full: there is no more to be had by asking again
            unnamed = refusal.status == UNAUTHORIZED
            hint = "Name one by --admin-cert and --admin-key." if unnamed else ""
            raise CliError(str(error), hint=hint) from error
        raise
