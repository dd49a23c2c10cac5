"""`newel ssh proxycommand`: what ssh runs to reach a host: logs in when that is due, then connects."""

import os
from typing import TYPE_CHECKING

from newel.cli.errors import CliError
from newel.cli.operations import connection
from newel.cli.operations.ssh import agent, authorities
from newel.cli.options.groups import authority_options, ssh_options

if TYPE_CHECKING:
    from newel.cli.options.records.ssh import SSHProxycommandOptions
    from newel.client.authority import Authority
    from newel.client.ssh_calls import Bastion


def run(options: "SSHProxycommandOptions") -> None:
    """Carry the connection on stdin and stdout, or become the ssh that does."""
    from newel.client import ssh_calls

    user, host, port = options.positionals(3)
    with connection.connect(authority_options(options)) as authority:
        log_in_if_needed(options, authority, user)
        bastion = authority.send(ssh_calls.bastion(user, host))
    if bastion.hostname:
        words = through(bastion, user, host, port)
        os.execvp(words[0], words)  # noqa: S606 - no shell is what is wanted
    from newel.cli.operations.ssh import pipe

    with pipe.connect(host, port) as channel:
        pipe.carry(channel)


def log_in_if_needed(options: "SSHProxycommandOptions", authority: "Authority", user: str) -> None:
    """Open a session when the agent has no valid certificate of the authority."""
    from newel.client.clock import now

    trusted = authorities.user_keys(authority)
    with agent.connect() as connected:
        held = agent.without_expired(connected, connected.identities(), now())
        if agent.certificates_signed_by(held, trusted):
            return
        from newel.cli.operations.keys.key_choice import KeyChoice
        from newel.cli.operations.ssh import session

        session.open_session(
            ssh_options(options), connected, user, [user], KeyChoice("EC", "P-256", 0)
        )


def through(bastion: "Bastion", user: str, host: str, port: str) -> list[str]:
    """Return the ssh command line that goes through a bastion."""
    for word in (bastion.hostname, bastion.user, bastion.port):
        if word.startswith("-"):
            raise CliError(
                f"the authority names a bastion that ssh would take for an option: {word}"
            )
    words = ["ssh"]
    if bastion.user:
        words += ["-l", bastion.user]
    if bastion.port:
        words += ["-p", bastion.port]
    words += [*bastion.flags.split(), bastion.hostname]
    if not bastion.command:
        return [*words, "nc", host, port]
    command = bastion.command.replace("%%", "%").replace("%h", host)
    return [*words, command.replace("%p", port).replace("%r", user)]
