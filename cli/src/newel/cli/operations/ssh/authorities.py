"""The keys an authority signs SSH certificates with: what tells its certificates from all others."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from newel.cli.errors import CliError
from newel.cli.operations.connection import connect

if TYPE_CHECKING:
    from newel.cli.operations.ssh.ssh_options import SSHOptions
    from newel.client.authority import Authority
    from newel.client.ssh_calls import SSHKeys

NOT_FOUND = 404


def keys(authority: "Authority", *, federated: bool = False) -> "SSHKeys":
    """User and host keys. Raises CliError when the authority has none."""
    from newel.client import ssh_calls
    from newel.client.errors import RefusedError

    try:
        return authority.send(ssh_calls.federation() if federated else ssh_calls.roots())
    except RefusedError as error:
        if error.status == NOT_FOUND:
            raise CliError(ssh_calls.NO_SSH) from None
        raise CliError(f"error getting ssh public keys: {error.message}") from None


def user_keys(authority: "Authority") -> Sequence[bytes]:
    """Return the keys users' certificates are signed with, [] when it has none for users.

    Raises CliError or ClientError when the authority does not tell: then nothing is known of whose a
    certificate is.
    """
    return keys(authority).user


def trusted_keys(options: "SSHOptions") -> Sequence[bytes]:
    """Return those keys of the authority, from its files with --offline."""
    if options.offline:
        from newel.cli.operations.offline import ssh_keys

        return ssh_keys.public(options.tokens).user
    with connect(options.authority) as authority:
        return user_keys(authority)
