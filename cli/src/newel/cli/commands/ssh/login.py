"""`newel ssh login`: a certificate straight into the SSH agent."""

from typing import TYPE_CHECKING

from newel.cli.interact.terminal import note
from newel.cli.operations.keys import key_choice
from newel.cli.operations.ssh import agent, authorities, session
from newel.cli.operations.ssh.public_keys import write_line
from newel.cli.options.invocation import Invocation

if TYPE_CHECKING:
    from newel.cli.operations.ssh.agent import Agent, Identity


def run(call: Invocation) -> None:
    """Logs in unless the agent has a certificate already; --force does so in any case."""
    words = call.positionals(0, 1)
    subject = (words or [call.get("identity") or ""])[0]
    names = call.all("principal") or ([subject] if subject else [])
    choice = key_choice.chosen(call)
    with agent.connected() as connected:
        if not call.on("force"):
            found = present(call, connected, call.get("comment") or subject)
            if found is not None:
                line = write_line(found.line.wire, found.line.comment).decode().strip()
                note(f"The key {line} is already present in the SSH agent.")
                return
        session.open_session(call, connected, subject, names, choice, add_user=call.on("add-user"))


def present(call: Invocation, connected: "Agent", comment: str) -> "Identity | None":
    """The certificate of this authority that has the comment; any of them where there is no comment."""
    from newel.client.clock import now

    if call.get("token") and not call.get("ca-url"):
        return None
    trusted = authorities.trusted(call)
    held = agent.without_expired(connected, connected.identities(), now())
    found = agent.signed_by(held, trusted)
    return next((each for each in found if comment in {"", each.line.comment}), None)
