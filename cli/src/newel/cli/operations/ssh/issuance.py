"""Getting an SSH certificate: a token, given or made now, and one call to the authority."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from newel.cli.errors import CliError, UsageError
from newel.cli.interact.terminal import say
from newel.cli.operations import connection, enroll
from newel.cli.operations.times import parse_time
from newel.cli.operations.tokens import provisioner_choice, token_requests
from newel.cli.options.groups import authority_options, template_data, token_options

if TYPE_CHECKING:
    from newel.cli.operations.offline.rules import Rules
    from newel.cli.options.invocation import Invocation
    from newel.cli.store.atomic_write import Target
    from newel.client.ssh_calls import IssuedSSHCertificate

SIGNERS = ("JWK", "OIDC", "X5C", "K8sSA", "Nebula", "AWS", "GCP", "Azure")
"""Kinds of provisioner whose tokens may ask for a new certificate."""
SIGNERS_OFFLINE = ("JWK", "X5C")
"""Provisioners whose credentials can be checked offline."""
FLAGS = ("x5c-cert", "x5c-key", "nebula-cert", "nebula-key")
NEEDED = {"X5C": "x5c-cert", "Nebula": "nebula-cert", "K8sSA": "k8ssa-token-path"}
"""The flag without which a kind has no tokens: not every command has it."""


class CertificateRequest(NamedTuple):
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
    ) -> "CertificateRequest":
        """Return a request with the validity of the flags. Raises UsageError."""
        times = [
            str(parse_time(call.get(flag), flag)) if call.has(flag) else ""
            for flag in ("not-before", "not-after")
        ]
        return cls("host" if host else "user", key_id, principals, *times)


class Ticket(NamedTuple):
    """A token, and the authority it is good at."""

    url: str
    root: str
    token: str
    rules: "Rules | None" = None
    """What the authority's files allow its provisioner, where they are all that is asked (--offline)."""


def ticket(
    call: "Invocation", wanted: CertificateRequest, confirmation: str = "", only: Sequence[str] = ()
) -> Ticket:
    """Return the ticket of --token, or a new one from the provisioner the flags leave. Raises CliError.

    ``only`` are the kinds of provisioner there are to choose from, where not all will do.
    """
    given = call.get("token") if call.has("token") else None
    away = call.has("offline") and call.on("offline")
    if given and away:
        raise UsageError("flag '--offline' is incompatible with '--token'")
    if given:
        found = enroll.from_token(authority_options(call), given, "", [])
        return Ticket(found.url, found.root, found.token)
    from newel.step.tokens import SSHOptions

    where = (
        token_requests.offline(authority_options(call))
        if away
        else token_requests.online(authority_options(call))
    )
    provisioner = provisioner_choice.choose(
        token_options(call), where.provisioners, only or kinds(call, away=away)
    )
    if not wanted.key_id and provisioner.get("type") != "OIDC":
        raise UsageError(f"not enough positional arguments were provided in '{call.command.usage}'")
    rules = None
    if away:
        from newel.cli.operations.offline import ssh_certificates

        rules = ssh_certificates.ssh_rules(call, provisioner)
    options = SSHOptions(
        wanted.kind, wanted.key_id, list(wanted.principals), wanted.valid_after, wanted.valid_before
    )
    token = token_requests.issue(
        token_options(call),
        "ssh/sign",
        wanted.key_id,
        place=where,
        provisioner=provisioner,
        ssh=options,
        confirmation=confirmation,
    )
    if rules:
        say("CA", str(rules.files.path))
        return Ticket("", "", token, rules)
    url, root = (
        connection.url_of(authority_options(call)),
        connection.root_pem(authority_options(call)),
    )
    say("CA", url)
    return Ticket(url, root, token)


def kinds(call: "Invocation", *, away: bool) -> Sequence[str]:
    """Return the kinds of provisioner to choose from, where no flag tells."""
    told = any(call.has(flag) and call.get(flag) for flag in FLAGS)
    told = told or (call.has("k8ssa-token-path") and call.is_given("k8ssa-token-path"))
    found = SIGNERS_OFFLINE if away else SIGNERS
    return () if told else [kind for kind in found if call.has(NEEDED.get(kind, "provisioner"))]


def sign(
    call: "Invocation",
    place: Ticket,
    wanted: CertificateRequest,
    public_key: bytes,
    add_user_key: bytes = b"",
) -> "tuple[IssuedSSHCertificate, list[Target]]":
    """Ask for the certificate; return the files to write with it where the authority asks for client
    certificates. Raises CliError.
    """
    from newel.cli.operations.ssh import identity
    from newel.client import calls, ssh_calls

    if place.rules:
        from newel.cli.operations.offline import ssh_certificates

        return ssh_certificates.sign(call, place.rules, wanted, public_key, place.token), []
    with connection.connect(authority_options(call), url=place.url, root=place.root) as authority:
        asked = None
        if authority.send(calls.version()).require_client_authentication:
            asked = identity.request(call, wanted.key_id, wanted.kind)
        issued = authority.send(
            ssh_calls.sign(
                public_key,
                place.token,
                kind=wanted.kind,
                key_id=wanted.key_id,
                principals=wanted.principals,
                valid_after=wanted.valid_after,
                valid_before=wanted.valid_before,
                add_user_key=add_user_key,
                identity_csr=asked.csr if asked else "",
                template_data=template_data(call).read() if call.has("set") else None,
            )
        )
    if asked is None:
        return issued, []
    if not issued.identity:
        raise CliError("the authority asks for client certificates and has issued none")
    return issued, identity.files(call, asked, issued.identity)
