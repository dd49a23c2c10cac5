"""The administrator whose certificate lies in the STEPPATH: the first one of an authority on this machine."""

from typing import TYPE_CHECKING, NamedTuple

from newel.cli.errors import CliError
from newel.cli.interact.terminal import note
from newel.cli.operations import connection
from newel.cli.operations.renewal.leaf import Leaf, read_leaf
from newel.cli.store import atomic_write

if TYPE_CHECKING:
    from newel.cli.operations.connection import AuthorityOptions

CERTIFICATE, KEY = "certs/administrator.crt", "secrets/administrator_key"
"""Where `newel up` and `make split` put them."""


class Identity(NamedTuple):
    """A client certificate and its key, in files."""

    certificate: str
    key: str


def stored_administrator(options: "AuthorityOptions") -> Identity | None:
    """Return the first administrator's certificate, renewed when it is due; None where there is none.

    Raises CliError for one that has expired.
    """
    from newel.client.clock import now

    certificate, key = options.folder / CERTIFICATE, options.folder / KEY
    if not (certificate.is_file() and key.is_file()):
        return None
    found = Identity(str(certificate), str(key))
    leaf = read_leaf(found.certificate)
    if now() > leaf.not_after:
        from newel.cli.operations.certificate_requests import common_name
        from newel.crypto.loading import load_certificate

        subject = common_name(load_certificate(leaf.chain[0]))
        raise CliError(
            f"the administrator's certificate {certificate} expired on {leaf.not_after:%Y-%m-%d %H:%M} UTC",
            hint=f"Get another: newel ca certificate {subject} {certificate} {key} --provisioner admin --force",
        )
    if now() >= leaf.not_before + leaf.lifetime * 2 / 3:
        renew(options, found, leaf)
    return found


def renew(options: "AuthorityOptions", identity: Identity, leaf: Leaf) -> None:
    """Renew the certificate in its file. One that cannot be renewed now is used as long as it is valid."""
    from newel.client import calls

    try:
        with connection.authenticate(options, identity.certificate, identity.key) as authority:
            chain = authority.send(calls.renew()).pem
        atomic_write.write_all([atomic_write.Target(identity.certificate, chain)])
    except CliError as error:
        until = f"{leaf.not_after:%Y-%m-%d %H:%M} UTC"
        note(
            f"The administrator's certificate was not renewed, and is valid until {until}: {error}"
        )
