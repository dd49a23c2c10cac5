"""`newel crypto otp generate`: a secret for time-based one-time passwords."""

import secrets

from newel.cli.errors import UsageError
from newel.cli.interact.terminal import show_json
from newel.cli.operations.crypto.otp_keys import OtpKey, algorithm, checked
from newel.cli.options.invocation import Invocation
from newel.cli.store.files import write

PIXELS = 200
LONGEST_SECRET = 1024


def run(call: Invocation) -> None:
    """Prints the secret or its key URI, and draws the QR code of it where --qr says."""
    issuer, account = call.require("issuer"), call.require("account")
    size = call.integer("secret-size") or 20
    if not 1 <= size <= LONGEST_SECRET:
        raise UsageError(f"flag '--secret-size' must be between 1 and {LONGEST_SECRET}")
    alg = algorithm(call.get("alg") or "SHA1")
    digits, period = call.integer("length") or 6, call.integer("period") or 30
    key = checked(OtpKey(secrets.token_bytes(size), alg, digits, period))
    url = key.url(issuer, account)
    if picture := call.get("qr"):
        from newel.cli.render.qr_code import png

        write(picture, png(url, PIXELS), force=call.on("force"))
    if call.json:
        show_json({"secret": key.secret_text, "url": url})
    else:
        print(url if call.on("url") else key.secret_text)
