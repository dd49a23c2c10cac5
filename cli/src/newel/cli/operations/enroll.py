"""Getting a certificate for a request: by a token that was given, by one made now, or by ACME."""

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import quote, urlsplit

from newel.cli import program
from newel.cli.errors import CliError, UsageError
from newel.cli.interact.terminal import say
from newel.cli.operations import connection
from newel.cli.operations.tokens import provisioner_choice, token_requests
from newel.cli.options.invocation import BOOTSTRAP
from newel.cli.options.times import for_authority

if TYPE_CHECKING:
    from newel.cli.options.invocation import Invocation

PEOPLE = frozenset({"OIDC"})


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
        """The directory an authority has for one of its provisioners."""
        return cls(f"{url}/acme/{quote(name, safe='')}/directory", root)


def prepare(call: "Invocation", subject: str, sans: Sequence[str]) -> Ticket | AcmeDirectory:
    """A ticket for these names from the flags. Raises CliError."""
    directory, token = call.get("acme"), call.get("token")
    if directory:
        if token:
            raise UsageError("flag '--acme' is incompatible with '--token'")
        return AcmeDirectory(directory, trusted_beside(call))
    if token:
        return from_token(call, token, subject, sans)
    if call.known("root") and not call.get("root") and not connection.stored_root(call).is_file():
        raise UsageError(
            "flag '--root' is required unless the '--token' flag is provided",
            hint=BOOTSTRAP.format(program.name()),
        )
    place = token_requests.online(call)
    chosen = provisioner_choice.choose(call, place.provisioners)
    if chosen.get("type") == "ACME":
        url, root = connection.url_of(call), connection.root_pem(call)
        return AcmeDirectory.of_provisioner(url, root, str(chosen["name"]))
    return by_provisioner(call, place, chosen, subject, sans)


def ticket(call: "Invocation", subject: str, kinds: Sequence[str]) -> Ticket:
    """The same by the token of --token, or by a provisioner of one of these types."""
    token = call.get("token")
    if token:
        return from_token(call, token, subject, [])
    place = token_requests.online(call)
    chosen = provisioner_choice.choose(call, place.provisioners, kinds)
    return by_provisioner(call, place, chosen, subject, [])


def by_provisioner(
    call: "Invocation",
    place: token_requests.Place,
    chosen: provisioner_choice.Provisioner,
    subject: str,
    sans: Sequence[str],
) -> Ticket:
    """A ticket with a token that a provisioner gives now."""
    url, root = connection.url_of(call), connection.root_pem(call)
    made = token_requests.issue(
        call, "sign", subject, place=place, provisioner=chosen, sans=list(sans) or [subject]
    )
    say("CA", url)
    if chosen.get("type") in PEOPLE:
        return of_person(url, root, made, subject, sans)
    return Ticket(url, root, made, subject, list(sans) or [subject])


def trusted_beside(call: "Invocation") -> str | None:
    """The root of --root or of bootstrap, where there is one."""
    if call.get("root") or connection.stored_root(call).is_file():
        return connection.root_pem(call)
    return None


def from_token(call: "Invocation", token: str, subject: str, sans: Sequence[str]) -> Ticket:
    """What a token says of itself: it names authority, root and certificate (API-15)."""
    claims = unverified_claims(token)
    url = authority_of(call, claims)
    if subject and claims.get("sub") != subject and ("sans" in claims or "sha" in claims):
        raise CliError(f"token subject '{claims.get('sub')}' and argument '{subject}' do not match")
    root = root_for(call, url, str(claims.get("sha") or ""))
    say("CA", url)
    if "sans" not in claims and "sha" not in claims:
        return of_person(url, root, token, subject, sans)
    named = [str(each) for each in claims.get("sans") or []]
    return Ticket(url, root, token, subject, list(sans) or named or [subject])


def authority_of(call: "Invocation", claims: dict[str, Any]) -> str:
    """The address of --ca-url, else the one a token is for. Raises CliError."""
    if call.get("ca-url"):
        return connection.url_of(call)
    audience = claims.get("aud")
    first = audience[0] if isinstance(audience, list) and audience else audience
    parts = urlsplit(str(first or ""))
    if parts.scheme != "https":
        raise CliError("the token names no authority: give one by '--ca-url'")
    return f"{parts.scheme}://{parts.netloc}"


def root_for(call: "Invocation", url: str, sha: str) -> str:
    """The root to trust: the one of --root, the stored one if the token means it, else fetched."""
    if call.get("root") and (call.given("root") or not sha):
        return connection.root_pem(call)
    if connection.stored_root(call).is_file():
        stored = connection.root_pem(call)
        if not sha or token_requests.fingerprint_of(stored) == sha.lower():
            return stored
    if not sha:
        raise UsageError(f"'{call.command.usage.split(' <')[0]}' requires the '--root' flag")
    from newel.client.bootstrap import fetch_root

    with connection.explained():
        return fetch_root(url, sha)


def of_person(url: str, root: str, token: str, subject: str, sans: Sequence[str]) -> Ticket:
    """An identity token's ticket: the subject is who the provider says it is."""
    claims = unverified_claims(token)
    email, person = str(claims.get("email") or ""), str(claims.get("sub") or subject)
    if email and subject == email and not sans:
        return Ticket(url, root, token, person, [email, f"{claims.get('iss')}#{person}"])
    return Ticket(url, root, token, subject, list(sans) or [subject])


def unverified_claims(token: str) -> dict[str, Any]:
    """The payload of a token, believed by nobody. Raises CliError for what is no token."""
    from newel.jose import base64url

    parts = token.split(".")
    if len(parts) != 3:
        raise CliError("error parsing token: compact JWS format must have three parts")
    try:
        claims: Any = json.loads(base64url.decode(parts[1]))
        if isinstance(claims, dict):
            return claims
    except ValueError:
        pass
    raise CliError("error parsing token: its payload is no JSON object")


def sign(call: "Invocation", ticket: Ticket, csr: str) -> bytes:
    """The chain for a PEM request, as a certificate file holds it. Raises CliError."""
    from newel.cli.options import template_data
    from newel.client import calls

    with connection.connected(call, url=ticket.url, root=ticket.root) as authority:
        issued = authority.send(
            calls.sign(
                csr,
                ticket.token,
                not_before=for_authority(call, "not-before"),
                not_after=for_authority(call, "not-after"),
                template_data=template_data.given(call),
            )
        )
    return issued.pem
