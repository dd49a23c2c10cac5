"""`newel ssh list`: what the SSH agent holds."""

from typing import TYPE_CHECKING

from newel.cli.errors import CliError
from newel.cli.operations.ssh import agent
from newel.cli.operations.ssh.agent import Identity
from newel.cli.operations.ssh.fingerprints import describe
from newel.crypto.ssh.public_keys import write_line
from newel.crypto.ssh.wire import WireError

if TYPE_CHECKING:
    from newel.cli.options.records.ssh import SSHListOptions


def run(options: "SSHListOptions") -> None:
    """Print fingerprints or, with --raw, public keys; of one comment when one is given."""
    words = options.positionals(0, 1)
    with agent.connect() as connected:
        held = connected.identities()
    chosen = [each for each in held if not words or each.line.comment == words[0]]
    if options.json:
        from newel.cli.interact.terminal import show_json

        show_json([as_json(each) for each in chosen])
    elif not held:
        print("The agent has no identities.")
    else:
        for each in chosen:
            print(text(each, raw=options.raw))


def text(identity: Identity, *, raw: bool) -> str:
    """Return one line. Raises CliError for an unknown kind of key."""
    if raw:
        return write_line(identity.line.wire, identity.line.comment).decode().rstrip("\n")
    try:
        return describe(identity.line)
    except WireError as error:
        raise CliError(f"error determining key type and size: {error}") from None


def as_json(identity: Identity) -> dict[str, object]:
    """Return the description of one key."""
    line, certificate = identity
    return {
        "comment": line.comment,
        "type": line.type,
        "publicKey": text(identity, raw=True),
        "keyID": certificate.key_id if certificate else None,
        "principals": certificate.principals if certificate else None,
    }
