"""`newel ssh logout`: takes keys out of the SSH agent."""

from collections.abc import Sequence

from newel.cli.operations.ssh import agent, authorities
from newel.cli.operations.ssh.agent import Identity
from newel.cli.options.invocation import Invocation


def run(call: Invocation) -> None:
    """Removes the authority's certificates or, with --all, every key; of one comment if one is given."""
    words = call.positionals(0, 1)
    subject = (words or [call.get("identity") or ""])[0]
    with agent.connected() as connected:
        if call.on("all") and not subject:
            connected.remove_all()
            print("All identities removed.")
            return
        held = connected.identities()
        chosen = held if call.on("all") else of_authority(call, held)
        chosen = [each for each in chosen if not subject or each.line.comment == subject]
        for each in chosen:
            connected.remove(each.line.wire)
    said = "All identities removed" if call.on("all") else "Identity removed"
    said = said if chosen else "Identity not found"
    print(f"{said}: {subject}" if subject else f"{said}.")


def of_authority(call: Invocation, held: Sequence[Identity]) -> list[Identity]:
    """The certificates the authority signed; every certificate when it does not say which those are."""
    trusted = authorities.trusted(call)
    if trusted:
        return agent.signed_by(held, trusted)
    return [each for each in held if each.certificate is not None]
