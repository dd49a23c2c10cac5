"""A person's session: a certificate that lives in the agent alone, its key made here and never written."""

import datetime as dt
from collections.abc import Sequence
from typing import TYPE_CHECKING

from newel.cli.errors import CliError
from newel.cli.interact.terminal import note, say
from newel.cli.operations.keys import key_choice
from newel.cli.operations.ssh import issuance, principals, ssh_options
from newel.cli.operations.tokens import token_claims
from newel.cli.store import atomic_write
from newel.crypto.ssh import public_keys

if TYPE_CHECKING:
    from newel.cli.operations.ssh.agent import Agent
    from newel.cli.operations.ssh.ssh_options import SSHOptions

EARLIER = dt.timedelta(minutes=1)
"""How much before now a session begins, so that a server whose clock is late lets it in."""


def open_session(
    options: "SSHOptions",
    agent: "Agent",
    subject: str,
    names: Sequence[str],
    choice: key_choice.KeyChoice,
    *,
    add_user: bool = False,
) -> None:
    """Get a certificate and add it to the agent. Raises CliError."""
    from newel.client.clock import now

    wanted = ssh_options.CertificateRequest.of_options(options, subject, names)
    if not wanted.valid_after:
        start = (now() - EARLIER).astimezone(dt.UTC)
        wanted = wanted._replace(valid_after=f"{start:%Y-%m-%dT%H:%M:%SZ}")
    place = issuance.ticket(options, wanted)
    wanted = wanted._replace(key_id=person_of(place.token) or subject)
    key = key_choice.generate(choice)
    extra = key_choice.generate(choice) if add_user else None
    issued, identity = issuance.sign(
        options,
        place,
        wanted,
        public_keys.wire_of(key),
        public_keys.wire_of(extra) if extra else b"",
    )
    atomic_write.write_all(identity)
    comment = options.comment or subject or wanted.key_id
    agent.add(issued.certificate, key, comment, now())
    say("SSH Agent", "yes")
    if extra and issued.add_user:
        name = f"{principals.login_name(wanted.key_id)}-provisioner"
        agent.add(issued.add_user, extra, name, now())
        say("Add User Certificate", "yes")
    elif extra:
        note("✗ Add User Certificate: failed to create a provisioner certificate")


def person_of(token: str) -> str:
    """Whom a token is about: the mailbox an OpenID provider vouches for, else its subject."""
    try:
        claims = token_claims.unverified_claims(token)
    except CliError:
        return ""
    return str(claims.get("email") or claims.get("sub") or "")
