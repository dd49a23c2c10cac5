"""Getting a certificate for a request: by a token that was given, by one made now, or by ACME."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import quote, urlsplit

from newel.cli import program
from newel.cli.errors import CliError, UsageError
from newel.cli.interact.terminal import say
from newel.cli.operations import connection
from newel.cli.operations.tokens import instance_names, provisioner_choice, token_requests
from newel.cli.operations.tokens.token_claims import unverified_claims

if TYPE_CHECKING:
    from newel.cli.operations.connection import AuthorityOptions
    from newel.cli.operations.tokens.token_options import TokenOptions

PEOPLE = frozenset({"OIDC"})
INSTANCES = frozenset({"AWS", "GCP", "Azure"})


class Ticket(NamedTuple):
    """What is needed to ask for a certificate."""

    url: str
    root: str
    """PEM."""
    token: str
    subject: str
    sans: Sequence[str]


class AcmeDirectory(NamedTuple):
    """Instead of a ticket: names are to be proved by challenges."""

    url: str
    root: str | None
    """PEM of roots trusted beside the system's."""

    @classmethod
    def of_provisioner(cls, url: str, root: str, name: str) -> "AcmeDirectory":
        """Return the directory that an authority has for one of its provisioners."""
        return cls(f"{url}/acme/{quote(name, safe='')}/directory", root)


def prepare(
    options: "TokenOptions",
    subject: str,
    sans: Sequence[str],
    *,
    token: str | None,
    acme: str | None,
) -> Ticket | AcmeDirectory:
    """Return what gets a certificate for these names: a ticket, or the directory to prove them at.

    ``token`` is a token that was made elsewhere, ``acme`` the address of a directory. Raises CliError.
    """
    authority = options.authority
    if acme:
        if token:
            raise UsageError("flag '--acme' is incompatible with '--token'")
        return AcmeDirectory(acme, extra_roots(authority))
    if token:
        return from_token(authority, token, subject, sans)
    if not authority.root and not authority.stored_root.is_file():
        raise UsageError(
            "flag '--root' is required unless the '--token' flag is provided",
            hint=program.BOOTSTRAP.format(program.name()),
        )
    place = token_requests.online(authority)
    chosen = provisioner_choice.choose(options, place.provisioners)
    if chosen.get("type") == "ACME":
        url, root = connection.url_of(authority), connection.root_pem(authority)
        return AcmeDirectory.of_provisioner(url, root, str(chosen["name"]))
    return by_provisioner(options, place, chosen, subject, sans)


def prepare_by_token(
    options: "TokenOptions", subject: str, kinds: Sequence[str], token: str | None
) -> Ticket:
    """Return a ticket by ``token`` or, without one, by a provisioner of one of these types."""
    if token:
        return from_token(options.authority, token, subject, [])
    place = token_requests.online(options.authority)
    chosen = provisioner_choice.choose(options, place.provisioners, kinds)
    return by_provisioner(options, place, chosen, subject, [])


def by_provisioner(
    options: "TokenOptions",
    place: token_requests.Place,
    chosen: provisioner_choice.Provisioner,
    subject: str,
    sans: Sequence[str],
) -> Ticket:
    """Return a ticket with a token that a provisioner gives now."""
    url, root = connection.url_of(options.authority), connection.root_pem(options.authority)
    made = token_requests.issue(
        options, "sign", subject, place=place, provisioner=chosen, sans=list(sans) or [subject]
    )
    say("CA", url)
    if chosen.get("type") in PEOPLE:
        return of_person(url, root, made, subject, sans)
    if chosen.get("type") in INSTANCES and not sans:
        own_only = bool(chosen.get("disableCustomSANs"))
        sans = instance_names.list_names(unverified_claims(made), subject, own_only=own_only)
    return Ticket(url, root, made, subject, list(sans) or [subject])


def extra_roots(authority: "AuthorityOptions") -> str | None:
    """Return the root of --root or of bootstrap, where there is one."""
    if authority.root or authority.stored_root.is_file():
        return connection.root_pem(authority)
    return None


def from_token(
    authority: "AuthorityOptions", token: str, subject: str, sans: Sequence[str]
) -> Ticket:
    """Return the ticket that a token makes: it names the authority, its root and the certificate."""
    claims = unverified_claims(token)
    url = authority_of(authority, claims)
    # host names are the same in any case, and the authority compares them itself
    is_other = str(claims.get("sub")).lower() != subject.lower()
    if subject and is_other and ("sans" in claims or "sha" in claims):
        raise CliError(f"token subject '{claims.get('sub')}' and argument '{subject}' do not match")
    root = root_for(authority, url, str(claims.get("sha") or ""))
    say("CA", url)
    sans = sans or instance_names.list_names(claims, subject, own_only=False)
    if "sans" not in claims and "sha" not in claims:
        return of_person(url, root, token, subject, sans)
    named = [str(each) for each in claims.get("sans") or []]
    return Ticket(url, root, token, subject, list(sans) or named or [subject])


def authority_of(authority: "AuthorityOptions", claims: dict[str, Any]) -> str:
    """Return the address of --ca-url, else the one a token is for. Raises CliError."""
    if authority.ca_url:
        return connection.url_of(authority)
    audience = claims.get("aud")
    first = audience[0] if isinstance(audience, list) and audience else audience
    parts = urlsplit(str(first or ""))
    if parts.scheme != "https":
        raise CliError("the token names no authority: give one by '--ca-url'")
    return f"{parts.scheme}://{parts.netloc}"


def root_for(authority: "AuthorityOptions", url: str, sha: str) -> str:
    """Return the root to trust: that of --root, the stored one if the token means it, else fetch it."""
    if authority.root and (authority.root_given or not sha):
        return connection.root_pem(authority)
    if authority.stored_root.is_file():
        stored = connection.root_pem(authority)
        if not sha or token_requests.fingerprint_of(stored) == sha.lower():
            return stored
    if not sha:
        raise UsageError(f"'{authority.command}' requires the '--root' flag")
    from newel.client.bootstrap import fetch_root

    with connection.explain_refusals():
        return fetch_root(url, sha)


def of_person(url: str, root: str, token: str, subject: str, sans: Sequence[str]) -> Ticket:
    """Return an identity token's ticket: the subject is who the provider says it is."""
    claims = unverified_claims(token)
    email, person = str(claims.get("email") or ""), str(claims.get("sub") or subject)
    if email and subject == email and not sans:
        return Ticket(url, root, token, person, [email, f"{claims.get('iss')}#{person}"])
    return Ticket(url, root, token, subject, list(sans) or [subject])


def sign(
    options: "AuthorityOptions",
    ticket: Ticket,
    csr: str,
    validity: tuple[str, str] = ("", ""),
    template_data: dict[str, Any] | None = None,
) -> bytes:
    """Return the chain for a PEM request, as a certificate file holds it. Raises CliError.

    ``validity`` is notBefore and notAfter as the API carries them, "" for what the authority shall choose.
    """
    from newel.client import calls

    start, end = validity
    with connection.connect(options, url=ticket.url, root=ticket.root) as authority:
        issued = authority.send(
            calls.sign(
                csr,
                ticket.token,
                not_before=start,
                not_after=end,
                template_data=template_data or {},
            )
        )
    return issued.pem
