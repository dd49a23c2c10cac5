"""Getting an SSH certificate: a token, given or made now, and one call to the authority."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from newel.cli import connection, enrolment, provisioner_choice, token_requests
from newel.cli.errors import CliError, UsageError
from newel.cli.moments import for_authority
from newel.cli.terminal import say

if TYPE_CHECKING:
    from newel.cli.invocation import Invocation
    from newel.client.ssh_calls import SshIssued
    from newel.crypto.keys import PrivateKey, PublicKey

SIGNERS = ("JWK", "OIDC", "X5C", "K8sSA", "Nebula", "AWS", "GCP", "Azure")
"""Kinds of provisioner whose tokens may ask for a new certificate."""
FLAGS = ("x5c-cert", "x5c-key", "nebula-cert", "nebula-key")


class Wanted(NamedTuple):
    """What the certificate shall say."""

    kind: str
    """``user`` or ``host``."""
    key_id: str
    principals: Sequence[str]
    valid_after: str
    valid_before: str

    @classmethod
    def of_flags(
        cls, call: "Invocation", key_id: str, principals: Sequence[str], *, host: bool = False
    ) -> "Wanted":
        """With the validity of --not-before and --not-after. Raises UsageError."""
        times = [
            for_authority(call, flag) if call.known(flag) else ""
            for flag in ("not-before", "not-after")
        ]
        return cls("host" if host else "user", key_id, principals, *times)


class Ticket(NamedTuple):
    """A token, and the authority it is good at."""

    url: str
    root: str
    token: str


def ticket(call: "Invocation", wanted: Wanted, confirmation: str = "") -> Ticket:
    """The ticket of --token, or a new one from the provisioner the flags leave. Raises CliError."""
    given = call.get("token") if call.known("token") else None
    if given:
        found = enrolment.from_token(call, given, "", [])
        return Ticket(found.url, found.root, found.token)
    from newel.step.tokens import SshOptions

    if call.on("offline"):
        raise UsageError("SSH certificates need the authority: --offline is not supported")
    where = token_requests.online(call)
    provisioner = provisioner_choice.choose(call, where.provisioners, kinds(call))
    if not wanted.key_id and provisioner.get("type") != "OIDC":
        raise UsageError(f"not enough positional arguments were provided in '{call.command.usage}'")
    options = SshOptions(
        wanted.kind, wanted.key_id, list(wanted.principals), wanted.valid_after, wanted.valid_before
    )
    token = token_requests.issue(
        call,
        "ssh/sign",
        wanted.key_id,
        place=where,
        provisioner=provisioner,
        ssh=options,
        confirmation=confirmation,
    )
    url, root = connection.url_of(call), connection.root_pem(call)
    say("CA", url)
    return Ticket(url, root, token)


def kinds(call: "Invocation") -> Sequence[str]:
    """The kinds of provisioner to choose from, where no flag tells."""
    told = any(call.known(flag) and call.get(flag) for flag in FLAGS)
    told = told or (call.known("k8ssa-token-path") and call.given("k8ssa-token-path"))
    return () if told else SIGNERS


def sign(
    call: "Invocation", place: Ticket, wanted: Wanted, public_key: bytes, add_user_key: bytes = b""
) -> "SshIssued":
    """Asks for the certificate. Raises CliError."""
    from newel.cli import template_data
    from newel.client import calls, ssh_calls

    with connection.connected(call, url=place.url, root=place.root) as authority:
        if authority.send(calls.version()).require_client_authentication:
            raise CliError(
                "the authority asks for client certificates, which this version does not request"
            )
        return authority.send(
            ssh_calls.sign(
                public_key,
                place.token,
                kind=wanted.kind,
                key_id=wanted.key_id,
                principals=wanted.principals,
                valid_after=wanted.valid_after,
                valid_before=wanted.valid_before,
                add_user_key=add_user_key,
                template_data=template_data.given(call) if call.known("set") else None,
            )
        )


def wire_of(key: "PublicKey | PrivateKey") -> bytes:
    """The public key as SSH writes it."""
    from cryptography.hazmat.primitives import serialization

    from newel.cli.ssh.public_keys import read_line
    from newel.crypto.keys import PrivateKey

    public = key.public_key() if isinstance(key, PrivateKey) else key
    line = public.public_bytes(serialization.Encoding.OpenSSH, serialization.PublicFormat.OpenSSH)
    return read_line(line).wire
