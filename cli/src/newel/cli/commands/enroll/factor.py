"""`newel enroll factor`: a second factor in a person's authenticator app (RFC 6238), verified by a code."""

import secrets
from pathlib import Path
from typing import TYPE_CHECKING

from newel.cli.errors import CliError
from newel.cli.interact.terminal import say
from newel.cli.operations.crypto import otp_keys
from newel.cli.operations.crypto.otp_keys import OtpKey
from newel.cli.render.qr_code import png
from newel.cli.store import atomic_write
from newel.cli.store.standard_input import text_or_answer
from newel.client.clock import now

if TYPE_CHECKING:
    from newel.cli.options.records.enroll import EnrollFactorOptions


PIXELS = 400
OCTETS = 20
"""Of the secret: what RFC 4226 §4 recommends, and all apps take."""
SKEW = 1
"""Periods by which the app's clock may be off."""


def run(options: "EnrollFactorOptions") -> None:
    """Write the secret for the verifier, and the QR code for the app; neither is printed."""
    (account,) = options.positionals(1)
    secret_file, picture = options.require("out"), options.require("qr")
    key = OtpKey(secrets.token_bytes(OCTETS), otp_keys.algorithm(options.require("alg")))
    url = key.url(options.require("issuer"), account)
    atomic_write.allow([secret_file, picture], force=options.force)
    image = atomic_write.Target(picture, png(url, PIXELS))
    atomic_write.write_all([image])
    say("QR code", picture)
    if options.confirm:
        confirm(key, picture)
    atomic_write.write_all([atomic_write.Target(secret_file, f"{url}\n".encode())])
    say("Secret", secret_file)
    if options.json:
        from newel.cli.interact.terminal import show_json

        show_json({"account": account, "secretFile": secret_file, "qr": picture})


def confirm(key: OtpKey, picture: str) -> None:
    """Remove the image again, and raise CliError unless the app shows the right code."""
    try:
        code = text_or_answer("Scan the QR code and enter the code the app shows")
        right = key.accepts(code.decode(errors="replace").strip(), now().timestamp(), SKEW)
    except CliError:
        Path(picture).unlink(missing_ok=True)
        raise
    if not right:
        Path(picture).unlink(missing_ok=True)
        raise CliError("the code is not right: nothing is enrolled")
