"""`newel revoke`: an endpoint, a serial number as the catalogue writes it, or a certificate by its key."""

from collections.abc import Sequence
from typing import Any

from newel.cli import connection
from newel.cli.catalogue import layouts, questions, session
from newel.cli.commands.ca import revoke as one_certificate
from newel.cli.errors import CliError, UsageError
from newel.cli.invocation import Invocation
from newel.cli.terminal import confirm, note, say, show_json
from newel.cli.tokens import provisioner_choice, token_requests

KINDS = ("JWK", "X5C", "OIDC")


def run(call: Invocation) -> None:
    """Revokes what one of --endpoint, --serial and --cert names."""
    call.positionals(0)
    call.exclusive("endpoint", "token")
    named = [flag for flag in ("endpoint", "serial", "cert") if call.get(flag)]
    if len(named) != 1:
        raise UsageError("one of flag --endpoint, --serial or --cert with --key is required")
    if call.get("cert"):
        one_certificate.run(call)
        return
    endpoint = call.get("endpoint")
    serials = (
        active(call, endpoint) if endpoint else [questions.serial_number(call.require("serial"))]
    )
    revoke(call, serials)
    if call.json:
        show_json({"revoked": serials})


def active(call: Invocation, endpoint: str) -> Sequence[str]:
    """The serials of the endpoint's certificates that are good, once the person agrees to lose them."""
    from newel.client import catalogue
    from newel.client.answers import rows

    with session.inventory(call) as authority:
        found = authority.send(catalogue.endpoint(endpoint))
        good = [each for each in rows(found, "certificates") if each.get("state") == "active"]
    if not good:
        raise CliError(f"endpoint {endpoint} has no active certificate")
    say("Endpoint", describe(found))
    for each in good:
        say("Certificate", f"{each['serial']} until {layouts.plain(each.get('not_after'))}")
    if not call.on("force") and not confirm(f"Would you like to revoke {len(good)} of them"):
        raise CliError("nothing was revoked")
    return [str(each["serial"]) for each in good]


def describe(endpoint: dict[str, Any]) -> str:
    """Whose endpoint it is."""
    return layouts.plain(endpoint.get("subject") or endpoint.get("names"))


def revoke(call: Invocation, serials: Sequence[str]) -> None:
    """Each by a token of its own. Those already revoked stay so when a later one fails."""
    from newel.client import calls

    code, reason = one_certificate.reason_code(call), call.get("reason") or ""
    numbers = [str(int(serial, 16)) for serial in serials]
    tokens = [call.require("token")] if call.get("token") else made(call, numbers)
    url = connection.url_of(call)
    say("CA", url)
    with connection.connected(call, url=url) as authority:
        for serial, number, token in zip(serials, numbers, tokens, strict=True):
            authority.send(calls.revoke(number, token=token, reason_code=code, reason=reason))
            note(f"Certificate with Serial Number {serial} has been revoked.")


def made(call: Invocation, numbers: Sequence[str]) -> Sequence[str]:
    """A token for each serial number, all by one provisioner."""
    place = token_requests.online(call)
    chosen = provisioner_choice.choose(call, place.provisioners, KINDS)
    return [
        token_requests.issue(call, "revoke", number, place=place, provisioner=chosen)
        for number in numbers
    ]
