"""Getting an SSH certificate: a token, given or made now, and one call to the authority."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from newel.cli.errors import CliError, UsageError
from newel.cli.interact.terminal import say
from newel.cli.operations import connection, enroll
from newel.cli.operations.ssh.ssh_options import SIGNERS, SIGNERS_OFFLINE, CertificateRequest
from newel.cli.operations.tokens import provisioner_choice, token_requests

if TYPE_CHECKING:
    from newel.cli.operations.offline.rules import Rules
    from newel.cli.operations.ssh.ssh_options import SSHOptions
    from newel.cli.store.atomic_write import Target
    from newel.client.ssh_calls import IssuedSSHCertificate


class Ticket(NamedTuple):
    """A token, and the authority it is good at."""

    url: str
    root: str
    token: str
    rules: "Rules | None" = None
    """What the authority's files allow its provisioner, where they are all that is asked (--offline)."""


def ticket(
    options: "SSHOptions",
    wanted: CertificateRequest,
    confirmation: str = "",
    only: Sequence[str] = (),
) -> Ticket:
    """Return the ticket of --token, or a new one from the provisioner the flags leave. Raises CliError.

    ``only`` are the kinds of provisioner there are to choose from, where not all will do.
    """
    if options.token and options.offline:
        raise UsageError("flag '--offline' is incompatible with '--token'")
    if options.token:
        found = enroll.from_token(options.authority, options.token, "", [])
        return Ticket(found.url, found.root, found.token)
    from newel.step import tokens

    find = token_requests.offline if options.offline else token_requests.online
    where = find(options.authority)
    provisioner = provisioner_choice.choose(
        options.tokens, where.provisioners, only or kinds(options)
    )
    if not wanted.key_id and provisioner.get("type") != "OIDC":
        raise UsageError(f"not enough positional arguments were provided in '{options.usage}'")
    rules = None
    if options.offline:
        from newel.cli.operations.offline import ssh_certificates

        rules = ssh_certificates.ssh_rules(options.authority, provisioner)
    request = tokens.SSHOptions(
        wanted.kind, wanted.key_id, list(wanted.principals), wanted.valid_after, wanted.valid_before
    )
    token = token_requests.issue(
        options.tokens,
        "ssh/sign",
        wanted.key_id,
        place=where,
        provisioner=provisioner,
        ssh=request,
        confirmation=confirmation,
    )
    if rules:
        say("CA", str(rules.files.path))
        return Ticket("", "", token, rules)
    url, root = connection.url_of(options.authority), connection.root_pem(options.authority)
    say("CA", url)
    return Ticket(url, root, token)


def kinds(options: "SSHOptions") -> Sequence[str]:
    """Return the kinds of provisioner to choose from; [] where the credentials given tell."""
    if options.tokens.kinds - {"SSHPOP"} or options.tokens.nebula_key:
        return []
    found = SIGNERS_OFFLINE if options.offline else SIGNERS
    return [kind for kind in found if kind in options.kinds]


def sign(
    options: "SSHOptions",
    place: Ticket,
    wanted: CertificateRequest,
    public_key: bytes,
    add_user_key: bytes = b"",
) -> "tuple[IssuedSSHCertificate, list[Target]]":
    """Request the certificate; return it and the files to write with it. Raises CliError.

    There are such files where the authority asks for client certificates.
    """
    from newel.cli.operations.ssh import identity
    from newel.client import calls, ssh_calls

    if place.rules:
        from newel.cli.operations.offline import ssh_certificates

        return ssh_certificates.sign(options, place.rules, wanted, public_key, place.token), []
    with connection.connect(options.authority, url=place.url, root=place.root) as authority:
        asked = None
        if authority.send(calls.version()).require_client_authentication:
            asked = identity.request(options.authority, wanted.key_id, wanted.kind, options.host_id)
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
                template_data=options.template_data.read() if options.template_data else None,
            )
        )
    if asked is None:
        return issued, []
    if not issued.identity:
        raise CliError("the authority asks for client certificates and has issued none")
    return issued, identity.files(options.authority, asked, issued.identity)
