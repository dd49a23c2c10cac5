"""`newel ssh login`: a certificate straight into the SSH agent."""

from typing import TYPE_CHECKING

from newel.cli.interact.terminal import note
from newel.cli.operations.keys import key_choice
from newel.cli.operations.ssh import agent, authorities, session
from newel.cli.options.groups import key_options, ssh_options
from newel.crypto.ssh.public_keys import write_line

if TYPE_CHECKING:
    from newel.cli.operations.ssh.agent import Agent, Identity
    from newel.cli.options.records.ssh import SSHLoginOptions


def run(options: "SSHLoginOptions") -> None:
    """Log in unless the agent has a certificate already; --force does so in any case."""
    words = options.positionals(0, 1)
    subject = (words or [options.identity or ""])[0]
    names = options.principal or ([subject] if subject else [])
    choice = key_choice.choose(key_options(options))
    with agent.connect() as connected:
        if not options.force:
            found = present(options, connected, options.comment or subject)
            if found is not None:
                line = write_line(found.line.wire, found.line.comment).decode().strip()
                note(f"The key {line} is already present in the SSH agent.")
                return
        session.open_session(
            ssh_options(options), connected, subject, names, choice, add_user=options.add_user
        )


def present(options: "SSHLoginOptions", connected: "Agent", comment: str) -> "Identity | None":
    """Return the certificate of this authority that has the comment; any of them where there is no comment."""
    from newel.client.clock import now

    if options.token and not options.ca_url:
        return None
    trusted = authorities.trusted_keys(ssh_options(options))
    held = agent.without_expired(connected, connected.identities(), now())
    found = agent.certificates_signed_by(held, trusted)
    return next((each for each in found if comment in {"", each.line.comment}), None)
