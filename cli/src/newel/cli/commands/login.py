"""`newel login`: a credential for a service, got once and kept: a token or a client certificate."""

from typing import TYPE_CHECKING

from newel.cli.errors import CliError, UsageError
from newel.cli.interact.terminal import say, show_json
from newel.cli.operations.credentials import services
from newel.cli.operations.credentials.store import Logins
from newel.cli.operations.inventory.layouts import plain
from newel.cli.operations.times import parse_time
from newel.cli.options.groups import sign_in_options, template_data, token_options
from newel.cli.options.invocation import context_of

if TYPE_CHECKING:
    from newel.cli.operations.credentials.credential import Credential
    from newel.cli.options.records.login import LoginOptions

KINDS = ("token", "certificate")


def run(options: "LoginOptions") -> None:
    """Log in to a service, or list the logins there are."""
    if options.list_:
        options.positionals(0)
        show_all(options)
        return
    (url,) = options.positionals(1)
    service = services.origin(url)
    kind = kind_of(options)
    if kind == "certificate" and not service.startswith("https:"):
        raise UsageError("a certificate is shown by TLS: the service needs an https address")
    credential = token(options) if kind == "token" else certificate(options)
    Logins.of(context_of(options)).save(service, credential)
    if options.json:
        show_json(facts(service, credential))
    else:
        say("Service", service)
        say("Logged in", describe(credential))


def kind_of(options: "LoginOptions") -> str:
    """``token`` or ``certificate``: --credential, else a token when an OAuth client is known."""
    asked = options.credential
    if asked not in {None, *KINDS}:
        raise UsageError(
            f"invalid value '{asked}' for flag '--credential'; options are token, certificate"
        )
    return asked or ("token" if options.client_id else "certificate")


def token(options: "LoginOptions") -> "Credential":
    """Get a token by signing in at an OAuth or OpenID provider."""
    from newel.cli.operations.credentials.token import Token
    from newel.cli.operations.oauth import sign_in

    if not options.token_endpoint:
        options.require("provider")
    return Token.of(sign_in.of_person(sign_in_options(options)), identity=options.oidc)


def certificate(options: "LoginOptions") -> "Credential":
    """Get a certificate by a one-time token, for a new key."""
    from newel.cli.operations import certificate_requests, enroll
    from newel.cli.operations.credentials.certificate import ClientCertificate
    from newel.client.credential import of_pem
    from newel.crypto import keys

    subject = options.subject or subject_of(options)
    kinds = ("X5C",) if options.x5c_cert else ("JWK", "OIDC")
    tokens = token_options(options)
    ticket = enroll.prepare_by_token(tokens, subject, kinds, options.token)
    key = keys.generate()
    csr = certificate_requests.make(key, ticket.subject, ticket.sans)
    chain = enroll.sign(
        tokens.authority,
        ticket,
        csr,
        (
            str(parse_time(options.not_before, "not-before")),
            str(parse_time(options.not_after, "not-after")),
        ),
        template_data(options).read(),
    )
    try:
        pair = of_pem(chain, key)
    except ValueError as error:
        raise CliError(f"the authority's certificate cannot be used: {error}") from None
    return ClientCertificate.of(pair, ticket.url, ticket.root)


def subject_of(options: "LoginOptions") -> str:
    """Whom the one-time token names. Raises UsageError without a token."""
    from newel.cli.operations.tokens.token_claims import unverified_claims

    token = options.token
    if not token:
        raise UsageError("one of flag --client-id, --subject or --token is required")
    return str(unverified_claims(token).get("sub") or "")


def show_all(options: "LoginOptions") -> None:
    """Print the stored logins without their secrets."""
    found = [(kept.service, kept.credential) for kept in Logins.of(context_of(options)).every()]
    if options.json:
        show_json([facts(service, credential) for service, credential in found])
        return
    for service, credential in found:
        print(f"{plain(service)}  {describe(credential)}")


def facts(service: str, credential: "Credential") -> dict[str, object]:
    """Return what may be shown of a login."""
    ends = credential.ends
    return {
        "service": service,
        "credential": credential.kind,
        "holder": credential.holder,
        "ends": ends and ends.isoformat(),
    }


def describe(credential: "Credential") -> str:
    """Return the same on one line."""
    ends = credential.ends
    until = f" until {ends:%Y-%m-%dT%H:%M:%SZ}" if ends else ""
    return f"{plain(credential.holder) or 'unknown'}{until}"
