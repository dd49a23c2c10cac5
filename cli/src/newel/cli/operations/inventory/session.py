"""Who answers administrators, as the flags name it: where it is, and the certificate that shows one."""

import contextlib
from collections.abc import Generator
from typing import TYPE_CHECKING, NamedTuple

from newel.cli.errors import CliError, UsageError
from newel.cli.operations import connection

if TYPE_CHECKING:
    from newel.cli.operations.connection import AuthorityOptions
    from newel.client.authority import Authority

UNAUTHORIZED = 401


class ServiceOptions(NamedTuple):
    """The address of a service for administrators, and the administrator who calls it."""

    authority: "AuthorityOptions"
    url: str | None = None
    """By default the authority's address."""
    root: str | None = None
    """The file of the roots to trust, by default the authority's."""
    admin_cert: str | None = None
    admin_key: str | None = None
    admin_key_password_file: str | None = None


def find_files(options: ServiceOptions) -> tuple[str | None, str | None]:
    """Find the files of the administrator's certificate and key: as flags name them, or the stored one's.

    Two times None where there is a managed identity, or neither. Raises CliError.
    """
    from newel.cli.operations.inventory.administrator import stored_administrator

    certificate, key = options.admin_cert, options.admin_key
    if bool(certificate) is not bool(key):
        given, lacking = ("cert", "key") if certificate else ("key", "cert")
        raise UsageError(f"flag '--admin-{given}' requires the '--admin-{lacking}' flag")
    if not certificate and not options.authority.identity_file.is_file():
        return stored_administrator(options.authority) or (None, None)
    return certificate, key


@contextlib.contextmanager
def connect(options: ServiceOptions) -> Generator["Authority"]:
    """Connect as the administrator of --admin-cert, or else of this machine.

    That is the managed identity or the stored administrator. Raises CliError.
    """
    from newel.client.errors import RefusedError

    authority = options.authority
    certificate, key = find_files(options)
    url = options.url or connection.url_of(authority)
    pem = connection.read_roots(options.root) if options.root else None
    opened = (
        connection.authenticate(
            authority,
            certificate,
            key,
            url=url,
            root=pem,
            password_file=options.admin_key_password_file,
        )
        if certificate and key
        else connection.connect(authority, url=url, root=pem)
    )
    try:
        with opened as connected:
            yield connected
    except CliError as error:
        refusal = error.__cause__
        if isinstance(refusal, RefusedError):
            # what went wrong is said in full: there is no more to be had by asking again
            unnamed = refusal.status == UNAUTHORIZED
            hint = "Name one by --admin-cert and --admin-key." if unnamed else ""
            raise CliError(str(error), hint=hint) from error
        raise
