"""`newel ssh logout`: takes keys out of the SSH agent."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from newel.cli.errors import CliError
from newel.cli.operations.ssh import agent, authorities
from newel.cli.operations.ssh.agent import Identity
from newel.cli.options.groups import ssh_options

if TYPE_CHECKING:
    from newel.cli.options.records.ssh import SSHLogoutOptions

_ALL = (
    "Which certificates are the authority's is not known. --all removes every key from the agent."
)


def run(options: "SSHLogoutOptions") -> None:
    """Remove the authority's certificates or, with --all, every key; of one comment if one is given."""
    words = options.positionals(0, 1)
    subject = (words or [options.identity or ""])[0]
    with agent.connect() as connected:
        if options.all_ and not subject:
            connected.remove_all()
            print("All identities removed.")
            return
        held = connected.identities()
        chosen = held if options.all_ else of_authority(options, held)
        chosen = [each for each in chosen if not subject or each.line.comment == subject]
        for each in chosen:
            connected.remove(each.line.wire)
    said = "All identities removed" if options.all_ else "Identity removed"
    said = said if chosen else "Identity not found"
    print(f"{said}: {subject}" if subject else f"{said}.")


def of_authority(options: "SSHLogoutOptions", held: Sequence[Identity]) -> list[Identity]:
    """Return the certificates the authority signed. Raises CliError when it does not tell its keys."""
    try:
        trusted = authorities.trusted_keys(ssh_options(options))
    except CliError as error:
        raise CliError(str(error), hint=_ALL) from error
    return agent.certificates_signed_by(held, trusted)
