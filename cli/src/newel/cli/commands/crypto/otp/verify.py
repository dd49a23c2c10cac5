"""`newel crypto otp verify`: whether a one-time password is right."""

import dataclasses
from typing import TYPE_CHECKING

from newel.cli.errors import CliError, UsageError
from newel.cli.interact.terminal import show_json
from newel.cli.operations.crypto.otp_keys import OtpKey, algorithm, check_key, parse
from newel.cli.store.files import read
from newel.cli.store.standard_input import text_or_answer
from newel.client.clock import now

if TYPE_CHECKING:
    from newel.cli.options.records.crypto_otp import CryptoOTPVerifyOptions


MOST_SKEW = 1000


def run(options: "CryptoOTPVerifyOptions") -> int:
    """Print ok, or fail with exit code 1, for the code on stdin or typed at the terminal."""
    names = options.positionals(0, 1)
    name = options.secret or (names[0] if names else options.require("secret"))
    key = settings(options, parse(read(name).decode(errors="replace")))
    moment = time_of(options)
    skew = options.integer("skew")
    if skew > 1 and not options.insecure:
        raise UsageError("'--skew' values greater than 1 require the '--insecure' flag")
    if not 0 <= skew <= MOST_SKEW:
        raise UsageError(f"flag '--skew' must be between 0 and {MOST_SKEW}")
    code = text_or_answer("Enter Passcode").decode(errors="replace").strip()
    if len(code) != key.digits:
        raise CliError("error while validating TOTP: Input length unexpected")
    right = key.accepts(code, moment, skew)
    if options.json:
        show_json({"valid": right})
    else:
        print("ok" if right else "fail")
    return 0 if right else 1


def settings(options: "CryptoOTPVerifyOptions", key: OtpKey) -> OtpKey:
    """Return the key, in which the command line overrides the URI."""
    if options.is_given("period"):
        key = dataclasses.replace(key, period=options.integer("period"))
    if options.is_given("length"):
        key = dataclasses.replace(key, digits=options.integer("length"))
    if options.is_given("alg"):
        key = dataclasses.replace(key, alg=algorithm(options.alg or "SHA1"))
    return check_key(key)


def time_of(options: "CryptoOTPVerifyOptions") -> float:
    """Return the moment of --time, an instant or a duration from now; now without it."""
    text, moment = options.time, now()
    if text is None:
        return moment.timestamp()
    from newel.durations.go import parse_duration, parse_time

    try:
        return parse_time(text).timestamp()
    except ValueError:
        pass
    try:
        return (moment + parse_duration(text)).timestamp()
    except (ValueError, OverflowError):
        raise UsageError(f"invalid value '{text}' for flag '--time'") from None
