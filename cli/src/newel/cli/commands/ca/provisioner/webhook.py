"""`newel ca provisioner webhook add, update, remove`: whom a provisioner asks before it certifies."""

from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from newel.cli.errors import CliError, UsageError
from newel.cli.interact.terminal import show_json
from newel.cli.operations.administration import admin_session
from newel.cli.options.groups import admin_options, authority_options
from newel.cli.store.files import read_password

if TYPE_CHECKING:
    from newel.cli.operations.administration.admin_session import AdminSession
    from newel.cli.options.records.ca_provisioner import CAProvisionerWebhookOptions


KINDS = ("ENRICHING", "AUTHORIZING", "SCEPCHALLENGE", "NOTIFYING")
CERTIFICATES = ("ALL", "X509", "SSH")
CREDENTIALS = {"bearerToken", "basicAuth"}


def run(options: "CAProvisionerWebhookOptions") -> None:
    """Do what the last word of the command says."""
    from newel.client import webhook_calls

    verb = options.command.path.rpartition(" ")[2]
    provisioner, name = options.positionals(2)
    webhook = {} if verb == "remove" else webhook_of(options, name, new=verb == "add")
    if admin_session.probe_management(authority_options(options)) is False:
        raise CliError("the admin API must be enabled to use webhooks")
    with admin_session.open_session(admin_options(options)) as session:
        if verb == "remove":
            session.send(webhook_calls.remove_webhook(provisioner, name))
        elif verb == "update":
            stored = find_webhook(session, provisioner, name)
            session.send(webhook_calls.update_webhook(provisioner, merge(stored, webhook)))
        else:
            show_secret(options, session.send(webhook_calls.create_webhook(provisioner, webhook)))


def find_webhook(session: "AdminSession", provisioner: str, name: str) -> dict[str, Any]:
    """Return a webhook of a provisioner. Raises CliError."""
    from newel.client import provisioner_calls

    for each in session.send(provisioner_calls.get(provisioner)).get("webhooks") or ():
        if each.get("name") == name:
            return each
    raise CliError(f'provisioner "{provisioner}" does not have a webhook with the name "{name}"')


def merge(stored: dict[str, Any], given: dict[str, Any]) -> dict[str, Any]:
    """Return a webhook with what the flags change; one credential takes the place of the other."""
    kept = stored
    if CREDENTIALS & given.keys():
        kept = {name: value for name, value in stored.items() if name not in CREDENTIALS}
    return kept | given


def webhook_of(options: "CAProvisionerWebhookOptions", name: str, *, new: bool) -> dict[str, Any]:
    """Return the webhook the flags describe. Raises UsageError."""
    url, kind = options.get("url"), options.get("kind")
    if new or url:
        url = options.require("url")
        if urlsplit(url).scheme != "https" or not urlsplit(url).hostname:
            raise UsageError(f"invalid value '{url}' for flag '--url'; it must be an https address")
    if new:
        kind = options.require("kind")
    wanted = options.get("cert-type")
    certificates = (wanted or "ALL").upper()
    if certificates not in CERTIFICATES:
        raise UsageError(
            f"invalid value '{options.get('cert-type')}' for flag '--cert-type'; "
            "options are ALL, X509, and SSH"
        )
    webhook: dict[str, Any] = {"name": name}
    if new or wanted:
        webhook["certType"] = certificates
    if kind:
        if kind.upper() not in KINDS:
            raise UsageError(
                f"invalid value '{kind}' for flag '--kind'; options are {', '.join(KINDS)}"
            )
        webhook["kind"] = kind.upper()
    if url:
        webhook["url"] = url
    if options.on("disable-tls-client-auth"):
        webhook["disableTlsClientAuth"] = True
    return webhook | credentials(options)


def credentials(options: "CAProvisionerWebhookOptions") -> dict[str, Any]:
    """Return how the authority proves itself to the webhook: a bearer token, or a name with a password."""
    token, user, password = (
        options.get(flag)
        for flag in ("bearer-token-file", "basic-auth-username", "basic-auth-password-file")
    )
    if token and user:
        raise UsageError("flag '--bearer-token-file' is incompatible with '--basic-auth-username'")
    if token:
        return {"bearerToken": {"bearerToken": read_password(token)}}
    if bool(user) != bool(password):
        raise UsageError(
            "flag '--basic-auth-username' requires the '--basic-auth-password-file' flag"
            if user
            else "flag '--basic-auth-password-file' requires the '--basic-auth-username' flag"
        )
    if user and password:
        return {"basicAuth": {"username": user, "password": read_password(password)}}
    return {}


def show_secret(options: "CAProvisionerWebhookOptions", made: dict[str, Any]) -> None:
    """Show the secret, the only time it is shown."""
    if options.json:
        show_json({"id": made.get("id"), "secret": made.get("secret")})
        return
    print(f"Webhook ID: {made.get('id')}")
    print(f"Secret: {made.get('secret')}")
