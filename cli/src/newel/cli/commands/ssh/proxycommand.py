"""`newel ssh proxycommand`: what ssh runs to reach a host: logs in when that is due, then connects."""

import os
from typing import TYPE_CHECKING

from newel.cli.errors import CliError
from newel.cli.operations import connection
from newel.cli.operations.ssh import agent, authorities

if TYPE_CHECKING:
    from newel.cli.options.records.ssh import SSHProxycommandOptions
    from newel.client.authority import Authority
    from newel.client.ssh_calls import Bastion


def run(options: "SSHProxycommandOptions") -> None:
    """Carries the connection on stdin and stdout, or becomes the ssh that does."""
    from newel.client import ssh_calls

    user, host, port = options.positionals(3)
    with connection.connected(options) as authority:
        log_in_if_needed(options, authority, user)
        bastion = authority.send(ssh_calls.bastion(user, host))
    if bastion.hostname:
        words = through(bastion, user, host, port)
        os.execvp(words[0], words)  # noqa: S606 - no shell is what is wanted
    from newel.cli.operations.ssh import pipe

    with pipe.connect(host, port) as channel:
        pipe.carry(channel)


def log_in_if_needed(options: "SSHProxycommandOptions", authority: "Authority", user: str) -> None:
    """Opens a session when the agent has no certificate of the authority that is good now."""
    from newel.client.clock import now

    trusted = authorities.user_keys(authority)
    with agent.connected() as connected:
        held = agent.without_expired(connected, connected.identities(), now())
        if agent.signed_by(held, trusted):
            return
        from newel.cli.operations.keys.key_choice import KeyChoice
        from newel.cli.operations.ssh import session

        session.open_session(options, connected, user, [user], KeyChoice("EC", "P-256", 0))


def through(bastion: "Bastion", user: str, host: str, port: str) -> list[str]:
    """The ssh command line that goes through a bastion."""
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
