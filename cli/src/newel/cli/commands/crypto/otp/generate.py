"""`newel crypto otp generate`: a secret for time-based one-time passwords."""

import secrets
from typing import TYPE_CHECKING

from newel.cli.errors import UsageError
from newel.cli.interact.terminal import show_json
from newel.cli.operations.crypto.otp_keys import OtpKey, algorithm, check_key
from newel.cli.store.files import write

if TYPE_CHECKING:
    from newel.cli.options.records.crypto_otp import CryptoOTPGenerateOptions


PIXELS = 200
LONGEST_SECRET = 1024


def run(options: "CryptoOTPGenerateOptions") -> None:
    """Print the secret or its key URI, and draw the QR code of it where --qr says."""
    issuer, account = options.require("issuer"), options.require("account")
    size = options.integer("secret-size") or 20
    if not 1 <= size <= LONGEST_SECRET:
        raise UsageError(f"flag '--secret-size' must be between 1 and {LONGEST_SECRET}")
    alg = algorithm(options.alg or "SHA1")
    digits, period = options.integer("length") or 6, options.integer("period") or 30
    key = check_key(OtpKey(secrets.token_bytes(size), alg, digits, period))
    url = key.url(issuer, account)
    if picture := options.qr:
        from newel.cli.render.qr_code import png

        write(picture, png(url, PIXELS), force=options.force)
    if options.json:
        show_json({"secret": key.secret_text, "url": url})
    else:
        print(url if options.url else key.secret_text)
