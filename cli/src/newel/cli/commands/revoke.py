"""`newel revoke`: a serial number as the catalogue writes it, a certificate by its key, or a selection."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from newel.cli import program
from newel.cli.commands.ca import revoke as one_certificate
from newel.cli.errors import CliError, UsageError
from newel.cli.interact import progress
from newel.cli.interact.terminal import confirm, note, say, show_json
from newel.cli.operations import connection
from newel.cli.operations.inventory import bulk_revocation, layouts, questions, session
from newel.cli.operations.times import resolve_time
from newel.cli.operations.tokens import provisioner_choice, token_claims, token_requests
from newel.cli.options.groups import authority_options, service_options, token_options

if TYPE_CHECKING:
    from newel.cli.options.records.revoke import RevokeOptions
    from newel.client.authority import Authority

KINDS = ("JWK", "X5C", "OIDC")
KEY_COMPROMISE = 1
"""The reason of RFC 5280 §5.3.1."""


def run(options: "RevokeOptions") -> None:
    """Revoke what one of --endpoint, --serial and --cert names, or everything of a selection."""
    if is_selection(options):
        revoke_selection(options)
        return
    options.positionals(0)
    options.exclusive("endpoint", "token")
    named = [flag for flag in ("endpoint", "serial", "cert") if options.get(flag)]
    if len(named) != 1:
        raise UsageError(
            "one of flag --endpoint, --subject, --key, --provisioner, --issued-between, --serial or --cert"
            " with --key is required"
        )
    if options.cert:
        one_certificate.run(options)
        return
    endpoint = options.endpoint
    if endpoint:
        wanted = [[serial] for serial in active(options, endpoint)]
    else:
        wanted = [read_serial(options.require("serial"))]
    serials = revoke(options, wanted)
    if options.json:
        show_json({"revoked": serials})


def read_serial(word: str) -> Sequence[str]:
    """Return what a serial number may mean. Raises UsageError where a short one could be another's."""
    readings = questions.serial_numbers(word)
    if len(readings) > 1 and len(word) < SHORT and int(readings[0], 16) != int(word):
        raise UsageError(
            f"serial number '{word}' can be hexadecimal or decimal, and so short that both may exist",
            hint=f"Write 0x{word}, or 0x{int(word):x} for the decimal number.",
        )
    return readings


SHORT = 8
"""Digits below which two certificates may have one number in two readings."""
VOUCHING = ("token", "provisioner", "provisioner-password-file", "x5c-cert", "x5c-key")
"""What vouches for the revocation of an endpoint's certificates, where the administrator alone does not."""
ALWAYS = ("subject", "issued-between", "dry-run", "include-expired")
"""Flags that only a selection has."""
FIRST = 10
"""Certificates of a preview."""


def is_selection(options: "RevokeOptions") -> bool:
    """Say whether the command is about a selection, which an administrator's certificate revokes."""
    given = options.is_given
    if given("serial") or given("cert") or given("token"):
        return any(map(given, ALWAYS))
    if given("endpoint"):
        return any(map(given, ("key", *ALWAYS))) or not any(map(given, VOUCHING))
    return any(map(given, ("key", "provisioner", *ALWAYS)))


def read_selection(options: "RevokeOptions") -> "bulk_revocation.Selection":
    """Return what is selected; flags of other ways to revoke are refused. Raises UsageError."""
    from newel.client.clock import now

    refused = ("serial", "cert", "token", "provisioner-password-file", "x5c-cert", "x5c-key")
    for flag in refused:
        if options.is_given(flag):
            raise UsageError(
                f"flag '--{flag}' does not go with --subject, --key, --issued-between, --include-expired or"
                " --dry-run, nor with --provisioner alone: an administrator's certificate revokes a selection"
            )
    since = options.read_typed("issued-between")
    (until,) = options.positionals(1) if since else (None, *options.positionals(0))
    if until == "":
        raise UsageError("the time after '--issued-between' is empty; say when the selection ends")
    for text in (since, until):
        resolve_time(text, "issued-between", now())
    names = ("key", "endpoint", "subject", "provisioner")
    named = {name: text for name in names if (text := options.read_typed(name))}
    if not named and not since:
        raise UsageError(
            "nothing is selected: give --key, --endpoint, --subject, --provisioner or --issued-between"
        )
    return bulk_revocation.Selection(
        **named,
        issued_after=since,
        issued_before=until,
        include_expired=options.is_given("include-expired") and options.include_expired,
    )


def revoke_selection(options: "RevokeOptions") -> None:
    """Revoke everything of a selection after the person confirmed; what is revoked already is left out."""
    selection = read_selection(options)
    code, comment = one_certificate.reason_code(options.reason_code), options.reason or ""
    with session.connect(service_options(options, "inventory")) as authority:
        found, own = bulk_revocation.find(selection, authority)
    if own is not None:
        note(
            f"The administrator's own certificate {own['serial']} is left out, because it revokes the others:"
            " end it by --serial."
        )
    blocks = code == KEY_COMPROMISE and selection.is_key_alone
    if not found and not blocks:
        raise explain_nothing(selection, code)
    if options.dry_run and options.json:
        show_json({"count": len(found), "certificates": found, "blocks_key": blocks})
        return
    show_preview(found, blocks=blocks)
    if options.dry_run:
        return
    if not options.force and not confirm(f"Would you like to {name_act(len(found))}"):
        raise CliError("nothing was revoked")
    result = bulk_revocation.Result([], [], [])
    with session.connect(session.ServiceOptions(**administrator(options))) as authority:
        if blocks and selection.key:
            changed = bulk_revocation.block_key(selection.key, authority, comment)
            say("Key", "blocked" if changed else "blocked before")
        outcomes = bulk_revocation.revoke(found, authority, code, comment)
        for outcome in say_how_far(progress.measure(outcomes, "Revoked", len(found)), result):
            result.add(outcome)
    show_result(options, result, len(found))


def explain_nothing(selection: "bulk_revocation.Selection", reason: int) -> CliError:
    """Return the error of a selection of nothing; a key that was to be declared compromised is not."""
    hint = ""
    if selection.key and reason == KEY_COMPROMISE:
        hint = (
            "The key is not declared compromised by this. It is by --key and --reasonCode keyCompromise"
            " without another selection, whether or not a certificate is on it."
        )
    return CliError("no certificate that could be revoked is selected", hint=hint)


def administrator(options: "RevokeOptions") -> dict[str, Any]:
    """Return who revokes at the authority's own address."""
    return {**service_options(options, "inventory")._asdict(), "url": None, "root": None}


def name_act(count: int) -> str:
    """Say what is about to be done to so many certificates, none being for a key to be blocked alone."""
    return f"revoke {count} of them" if count else "block the key"


def show_preview(found: Sequence[dict[str, Any]], *, blocks: bool) -> None:
    """Show how many are selected, and the first of them; and that the key is blocked, if it is."""
    if blocks:
        note("The key is declared compromised: nothing is issued on it any more, and it stays so.")
    if not found:
        note("No certificate that could be revoked is on it.")
        return
    endpoints = len({each.get("endpoint") for each in found})
    of = f"{endpoints} endpoint{'s' if endpoints > 1 else ''}"
    say("Selected", f"{len(found)} certificate{'s' if len(found) > 1 else ''} of {of}")
    columns = layouts.CERTIFICATES
    rows = [
        [layouts.plain(layouts.few(each.get(member))) for member in columns.values()]
        for each in found[:FIRST]
    ]
    note(layouts.table(list(columns), rows))
    if len(found) > FIRST:
        note(f"… and {len(found) - FIRST} more: --dry-run --output json has all.")


def say_how_far(
    outcomes: Iterable[dict[str, Any]], result: "bulk_revocation.Result"
) -> Iterator[dict[str, Any]]:
    """Yield outcomes; when a call fails say how many are done. Raises CliError."""
    from newel.client.errors import ClientError

    try:
        yield from outcomes
    except ClientError as error:
        raise CliError(
            f"{len(result.revoked)} certificates were revoked, and then: {error}", hint=AGAIN
        ) from error


AGAIN = "Run the same command again: it goes on with those that are left."


def show_result(options: "RevokeOptions", result: "bulk_revocation.Result", total: int) -> None:
    """Show what became of the selection. Raises CliError when some were not revoked."""
    if options.json:
        show_json(result._asdict())
    say("Revoked", f"{len(result.revoked)} certificates")
    if result.already_revoked:
        say("Revoked before", f"{len(result.already_revoked)} certificates")
    if result.failed:
        first = result.failed[0]
        raise CliError(
            f"{len(result.failed)} of {total} certificates were not revoked:"
            f" {first.get('serial')}: {layouts.plain(first.get('detail') or first.get('outcome'))}",
            hint=AGAIN,
        )


def active(options: "RevokeOptions", endpoint: str) -> Sequence[str]:
    """Return the serials of the endpoint's active certificates after the person confirmed."""
    from newel.client import catalogue
    from newel.client.answers import rows

    with session.connect(service_options(options, "inventory")) as authority:
        found = authority.send(catalogue.endpoint(endpoint))
        good = [each for each in rows(found, "certificates") if each.get("state") == "active"]
    if not good:
        raise CliError(f"endpoint {endpoint} has no active certificate")
    if str(found.get("type")).startswith("ssh"):
        numbers = ", ".join(str(int(each["serial"], 16)) for each in good)
        raise CliError(f"this endpoint is of SSH: use '{program.name()} ssh revoke' for {numbers}")
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
        wanted = [[choose_reading(token, readings)] for readings in wanted]
    numbers = {serial: str(int(serial, 16)) for readings in wanted for serial in readings}
    tokens = [token] if token else issue_tokens(options, [*numbers.values()])
    by_serial = dict(zip(numbers, tokens, strict=True))
    url = connection.url_of(authority_options(options))
    say("CA", url)
    with connection.connect(authority_options(options), url=url) as authority:
        return [revoke_first(options, authority, readings, by_serial) for readings in wanted]


def choose_reading(token: str, readings: Sequence[str]) -> str:
    """Return the reading that a token is for, or the most likely one when it is for none."""
    subject = token_claims.unverified_claims(token).get("sub")
    return next((each for each in readings if str(int(each, 16)) == subject), readings[0])


def revoke_first(
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
            if error.status != questions.NOT_FOUND:
                raise
            if serial == readings[-1]:
                advise_ssh(readings)
            if len(readings) == 1:
                raise
            continue
        note(f"Certificate with Serial Number {serial} has been revoked.")
        return serial
    raise questions.not_found(readings)


def advise_ssh(readings: Sequence[str]) -> None:
    """Say how a number is revoked that may be an SSH certificate's: those are not among the others."""
    numbers = " or ".join(str(int(each, 16)) for each in readings)
    note(f"A certificate of SSH is revoked by '{program.name()} ssh revoke {numbers}'.")


def issue_tokens(options: "RevokeOptions", numbers: Sequence[str]) -> Sequence[str]:
    """Return a token for each serial number, all by one provisioner."""
    place = token_requests.online(authority_options(options))
    chosen = provisioner_choice.choose(token_options(options), place.provisioners, KINDS)
    return [
        token_requests.issue(
            token_options(options), "revoke", number, place=place, provisioner=chosen
        )
        for number in numbers
    ]
