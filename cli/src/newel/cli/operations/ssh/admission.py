"""Calls to an authority that tells nothing to strangers: who is turned away signs in, then asks again."""

import contextlib
from typing import TYPE_CHECKING, TypeVar

from newel.cli.errors import CliError
from newel.cli.operations.connection import connect
from newel.cli.operations.keys import key_choice
from newel.cli.operations.ssh import issuance, session, ssh_options
from newel.cli.store import atomic_write
from newel.crypto.ssh.public_keys import wire_of

if TYPE_CHECKING:
    from newel.cli.operations.ssh.ssh_options import SSHOptions
    from newel.client.calls import Call

Answer = TypeVar("Answer")
UNAUTHORIZED = 401


def answer(options: "SSHOptions", request: "Call[Answer]") -> Answer:
    """Return the answer of the authority, signing in when it asks for that. Raises CliError."""
    from newel.client import calls
    from newel.client.errors import RefusedError

    with connect(options.authority) as authority:
        try:
            return authority.send(request)
        except RefusedError as error:
            if error.status != UNAUTHORIZED:
                raise
            if not authority.send(calls.version()).require_client_authentication:
                raise
    sign_in(options)
    with connect(options.authority) as authority:
        return authority.send(request)


def sign_in(options: "SSHOptions") -> None:
    """Sign in with an OpenID provider and store the identity; the agent gets the SSH certificate."""
    from newel.cli.operations.ssh import agent
    from newel.client.clock import now

    wanted = ssh_options.CertificateRequest("user", "", [], "", "")
    place = issuance.ticket(options, wanted, only=("OIDC",))
    person = session.person_of(place.token)
    key = key_choice.generate(key_choice.KeyChoice("EC", "P-256", 0))
    issued, identity = issuance.sign(options, place, wanted._replace(key_id=person), wire_of(key))
    atomic_write.write_all(identity)
    with contextlib.suppress(CliError), agent.connect() as held:
        held.add(issued.certificate, key, person, now())
