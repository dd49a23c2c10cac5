"""`newel revoke`: an endpoint, a serial number as the catalogue writes it, or a certificate by its key."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from newel.cli.commands.ca import revoke as one_certificate
from newel.cli.errors import CliError, UsageError
from newel.cli.interact.terminal import confirm, note, say, show_json
from newel.cli.operations import connection, enroll
from newel.cli.operations.inventory import layouts, questions, session
from newel.cli.operations.tokens import provisioner_choice, token_requests

if TYPE_CHECKING:
    from newel.cli.options.records.revoke import RevokeOptions
    from newel.client.authority import Authority

KINDS = ("JWK", "X5C", "OIDC")


def run(options: "RevokeOptions") -> None:
    """Revokes what one of --endpoint, --serial and --cert names."""
    options.positionals(0)
    options.exclusive("endpoint", "token")
    named = [flag for flag in ("endpoint", "serial", "cert") if options.get(flag)]
    if len(named) != 1:
        raise UsageError("one of flag --endpoint, --serial or --cert with --key is required")
    if options.cert:
        one_certificate.run(options)
        return
    endpoint = options.endpoint
    if endpoint:
        wanted = [[serial] for serial in active(options, endpoint)]
    else:
        wanted = [questions.serial_numbers(options.require("serial"))]
    serials = revoke(options, wanted)
    if options.json:
        show_json({"revoked": serials})


def active(options: "RevokeOptions", endpoint: str) -> Sequence[str]:
    """The serials of the endpoint's certificates that are good, once the person agrees to lose them."""
    from newel.client import catalogue
    from newel.client.answers import rows

    with session.inventory(options) as authority:
        found = authority.send(catalogue.endpoint(endpoint))
        good = [each for each in rows(found, "certificates") if each.get("state") == "active"]
    if not good:
        raise CliError(f"endpoint {endpoint} has no active certificate")
    say("Endpoint", describe(found))
    for each in good:
        say("Certificate", f"{each['serial']} until {layouts.plain(each.get('not_after'))}")
    if not options.force and not confirm(f"Would you like to revoke {len(good)} of them"):
        raise CliError("nothing was revoked")
    return [str(each["serial"]) for each in good]


def describe(endpoint: dict[str, Any]) -> str:
    """Whose endpoint it is."""
    return layouts.plain(endpoint.get("subject") or endpoint.get("names"))


def revoke(options: "RevokeOptions", wanted: Sequence[Sequence[str]]) -> list[str]:
    """Revoke each by a token of its own, under the first of its readings that there is; return those.

    Those already revoked stay so when a later one fails.
    """
    token = options.token
    if token:
        wanted = [[meant(token, readings)] for readings in wanted]
    numbers = {serial: str(int(serial, 16)) for readings in wanted for serial in readings}
    tokens = [token] if token else made(options, [*numbers.values()])
    by_serial = dict(zip(numbers, tokens, strict=True))
    url = connection.url_of(options)
    say("CA", url)
    with connection.connected(options, url=url) as authority:
        return [first(options, authority, readings, by_serial) for readings in wanted]


def meant(token: str, readings: Sequence[str]) -> str:
    """The reading that a token is for; the likeliest, for the authority to refuse, when it is for none."""
    subject = enroll.unverified_claims(token).get("sub")
    return next((each for each in readings if str(int(each, 16)) == subject), readings[0])


def first(
    options: "RevokeOptions",
    authority: "Authority",
    readings: Sequence[str],
    tokens: Mapping[str, str],
) -> str:
    """Revoke the first of these that the authority has, and return it. Raises CliError."""
    from newel.client import calls
    from newel.client.errors import RefusedError

    code, reason = one_certificate.reason_code(options.reason_code), options.reason or ""
    for serial in readings:
        number = str(int(serial, 16))
        try:
            authority.send(
                calls.revoke(number, token=tokens[serial], reason_code=code, reason=reason)
            )
        except RefusedError as error:
            if error.status != questions.NOT_FOUND or len(readings) == 1:
                raise
            continue
        note(f"Certificate with Serial Number {serial} has been revoked.")
        return serial
    raise questions.unknown(readings)


def made(options: "RevokeOptions", numbers: Sequence[str]) -> Sequence[str]:
    """A token for each serial number, all by one provisioner."""
    place = token_requests.online(options)
    chosen = provisioner_choice.choose(options, place.provisioners, KINDS)
    return [
        token_requests.issue(options, "revoke", number, place=place, provisioner=chosen)
        for number in numbers
    ]
