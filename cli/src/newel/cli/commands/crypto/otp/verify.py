"""`newel crypto otp verify`: whether a one-time password is right."""

import dataclasses

from newel.cli.errors import CliError, UsageError
from newel.cli.interact.terminal import show_json
from newel.cli.operations.crypto.otp_keys import OtpKey, algorithm, checked, parse
from newel.cli.options.invocation import Invocation
from newel.cli.store.files import read
from newel.cli.store.standard_input import text_or_answer
from newel.client.clock import now

MOST_SKEW = 1000


def run(call: Invocation) -> int:
    """Prints ok, or fail with exit code 1, for the code on stdin or typed at the terminal."""
    names = call.positionals(0, 1)
    name = call.get("secret") or (names[0] if names else call.require("secret"))
    key = settings(call, parse(read(name).decode(errors="replace")))
    moment = asked_time(call)
    skew = call.integer("skew")
    if skew > 1 and not call.on("insecure"):
        raise UsageError("'--skew' values greater than 1 require the '--insecure' flag")
    if not 0 <= skew <= MOST_SKEW:
        raise UsageError(f"flag '--skew' must be between 0 and {MOST_SKEW}")
    code = text_or_answer("Enter Passcode").decode(errors="replace").strip()
    if len(code) != key.digits:
        raise CliError("error while validating TOTP: Input length unexpected")
    right = key.accepts(code, moment, skew)
    if call.json:
        show_json({"valid": right})
    else:
        print("ok" if right else "fail")
    return 0 if right else 1


def settings(call: Invocation, key: OtpKey) -> OtpKey:
    """The key with what the command line says otherwise than its URI."""
    if call.given("period"):
        key = dataclasses.replace(key, period=call.integer("period"))
    if call.given("length"):
        key = dataclasses.replace(key, digits=call.integer("length"))
    if call.given("alg"):
        key = dataclasses.replace(key, alg=algorithm(call.get("alg") or "SHA1"))
    return checked(key)


def asked_time(call: Invocation) -> float:
    """The moment of --time, an instant or a duration from now; now without it."""
    text, moment = call.get("time"), now()
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
