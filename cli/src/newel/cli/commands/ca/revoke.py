"""`newel ca revoke`: a certificate is renewed no more."""

import re
from typing import TYPE_CHECKING

from newel.cli.errors import UsageError
from newel.cli.interact.terminal import note, say
from newel.cli.operations import connection
from newel.cli.operations.tokens import token_requests
from newel.cli.options.groups import authority_options, token_options

if TYPE_CHECKING:
    from newel.cli.options.invocation import Invocation
    from newel.cli.options.records.ca import CARevokeOptions
    from newel.cli.options.records.revoke import RevokeOptions


LONGEST = 160
"""Bits of a serial number, RFC 5280 §4.1.2.2."""
HEXADECIMAL = re.compile("[0-9a-fA-F]{8,}")
"""Fewer digits are a word that was mistyped."""

SPELLING = re.compile("[0-9a-zA-Z:]+")

REASONS = {
    "unspecified": 0, "keycompromise": 1, "cacompromise": 2, "affiliationchanged": 3,
    "superseded": 4, "cessationofoperation": 5, "certificatehold": 6, "removefromcrl": 8,
    "privilegewithdrawn": 9, "aacompromise": 10,
}  # fmt: skip # a table
"""RFC 5280 §5.3.1, by names without case and blanks."""


def run(options: "CARevokeOptions | RevokeOptions") -> None:
    """Revoke by the certificate's own key, by a token, or by the provisioner that issued it."""
    from newel.client import calls

    refuse_offline(options)
    code, reason = reason_code(options.reason_code), options.reason or ""
    certificate, key_file, token = options.cert, options.key, options.token
    authority = authority_options(options)
    if certificate or key_file:
        serial = own_serial(options)
        url = connection.url_of(authority)
        say("CA", url)
        with connection.authenticate(authority, str(certificate), str(key_file), url=url) as client:
            client.send(calls.revoke(serial, reason_code=code, reason=reason))
    else:
        (word,) = options.positionals(1)
        serial = serial_of(word)
        token = token or token_requests.issue(
            token_options(options), "revoke", serial, kinds=("JWK", "X5C", "OIDC")
        )
        url, root = locate(options, token, serial)
        say("CA", url)
        with connection.connect(authority, url=url, root=root) as client:
            client.send(calls.revoke(serial, token=token, reason_code=code, reason=reason))
    note(f"Certificate with Serial Number {serial} has been revoked.")


def refuse_offline(options: "Invocation") -> None:
    """Refuse --offline: a revocation is a record in the database of the running authority."""
    if options.has("offline") and options.on("offline"):
        raise UsageError(
            "revocations are on record with the authority: start it and ask without --offline"
        )


def locate(options: "CARevokeOptions | RevokeOptions", token: str, serial: str) -> tuple[str, str]:
    """Return where the token is good, and the root there; the token must be for this serial."""
    from newel.cli.operations import enroll
    from newel.cli.operations.tokens import token_claims

    ticket = enroll.from_token(authority_options(options), token, "", [])
    claims = token_claims.unverified_claims(token)
    if ("sha" in claims or "sans" in claims) and claims.get("sub") != serial:
        raise UsageError(
            f"token subject '{claims.get('sub')}' and serial number '{serial}' do not match"
        )
    return ticket.url, ticket.root


def own_serial(options: "CARevokeOptions | RevokeOptions") -> str:
    """Return the serial of --cert, which must come with --key and without a token or another serial."""
    from newel.cli.operations.renewal.leaf import read_leaf

    certificate = options.cert
    if not certificate:
        raise UsageError("flag '--key' requires the '--cert' flag")
    if not options.key:
        raise UsageError("flag '--cert' requires the '--key' flag")
    if options.token:
        raise UsageError("flag '--cert' is incompatible with '--token'")
    options.positionals(0)
    return str(read_leaf(certificate).serial)


def serial_of(word: str) -> str:
    """Return a serial number in base 10, however it was written. Raises UsageError.

    Digits alone are decimal; hexadecimal is known by a letter, by colons or by a prefix, as the catalogue and
    openssl write it.
    """
    bad = UsageError(
        f"'{word}' is not a valid serial number - use a base 10 representation or add a prefix "
        "indicating the base"
    )
    try:
        number = int(word, 10) if word.isdigit() else parse_number(word)
    except ValueError:
        raise bad from None
    if number <= 0 or number.bit_length() > LONGEST or not SPELLING.fullmatch(word):
        raise bad
    return str(number)


def parse_number(word: str) -> int:
    """Return the number behind a prefix that names its base, or behind hexadecimal digits. Raises ValueError."""
    plain = word.replace(":", "")
    try:
        return int(word, 0)
    except ValueError:
        if HEXADECIMAL.fullmatch(plain):
            return int(plain, 16)
        raise


def reason_code(given: str | None) -> int:
    """Return the code of --reasonCode, by number or name."""
    if given is None:
        return 0
    word = "".join(given.split()).lower()
    code = int(word) if word.isdigit() else REASONS.get(word, -1)
    if code not in REASONS.values():
        raise UsageError(f"invalid value '{given}' for flag '--reasonCode'")
    return code
