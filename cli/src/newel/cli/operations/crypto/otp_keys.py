"""Time-based one-time passwords (RFC 6238): secrets, key URIs, codes."""

import base64
import hmac
from dataclasses import dataclass
from urllib.parse import parse_qs, quote, urlsplit

from newel.cli.errors import CliError, UsageError

ALGORITHMS = ("SHA1", "SHA256", "SHA512")
LONGEST_CODE = 10


@dataclass(frozen=True, slots=True)
class OtpKey:
    """What both sides agree on; ``period`` in seconds."""

    secret: bytes
    alg: str = "SHA1"
    digits: int = 6
    period: int = 30

    def code(self, moment: float, step: int = 0) -> str:
        """Return the code of the period a moment lies in, or of one ``step`` periods later."""
        counter = int(moment) // self.period + step
        if counter < 0:
            return ""
        mac = hmac.digest(self.secret, counter.to_bytes(8, "big"), self.alg.lower())
        at = mac[-1] & 15  # RFC 4226 §5.3: the last four bits say where to look
        number = int.from_bytes(mac[at : at + 4], "big") & 0x7FFFFFFF
        return str(number % 10**self.digits).zfill(self.digits)

    def accepts(self, code: str, moment: float, skew: int) -> bool:
        """Say whether a code is right now, or was or will be within ``skew`` periods."""
        given = code.encode(errors="replace")
        return any(
            hmac.compare_digest(self.code(moment, step).encode(), given)
            for step in range(-skew, skew + 1)
        )

    @property
    def secret_text(self) -> str:
        """Base32 without padding."""
        return base64.b32encode(self.secret).rstrip(b"=").decode()

    def url(self, issuer: str, account: str) -> str:
        """Return the key URI that authenticator apps read."""
        label = f"{quote(issuer, safe='')}:{quote(account, safe='@')}"
        return (
            f"otpauth://totp/{label}?algorithm={self.alg}&digits={self.digits}"
            f"&issuer={quote(issuer, safe='')}&period={self.period}&secret={self.secret_text}"
        )


def algorithm(name: str) -> str:
    """SHA1, SHA256 or SHA512, in any case."""
    if name.upper() not in ALGORITHMS:
        raise UsageError(
            f"invalid value '{name}' for flag '--alg'; options are SHA1, SHA256, or SHA512"
        )
    return name.upper()


def check_key(key: OtpKey) -> OtpKey:
    """Return the key, if its numbers are possible."""
    if key.period < 1:
        raise UsageError("flag '--period' must be greater than or equal to 1")
    if not 1 <= key.digits <= LONGEST_CODE:
        raise UsageError(f"flag '--length' must be between 1 and {LONGEST_CODE}")
    return key


def parse(text: str) -> OtpKey:
    """Return the key in a secret file: base32, or a key URI."""
    text = text.strip()
    if not text.startswith("otpauth://"):
        return OtpKey(secret_of(text))
    try:
        query = parse_qs(urlsplit(text).query)
        return OtpKey(
            secret_of(query.get("secret", [""])[0]),
            algorithm(query.get("algorithm", ["SHA1"])[0]),
            int(query.get("digits", ["6"])[0]),
            int(query.get("period", ["30"])[0]),
        )
    except ValueError as error:
        raise CliError(f"error parsing TOTP key from URL: {error}") from None


def secret_of(text: str) -> bytes:
    """Base32 in any case, with or without padding."""
    bare = text.strip().rstrip("=").upper()
    try:
        secret = base64.b32decode(bare + "=" * (-len(bare) % 8))
    except ValueError:
        secret = b""
    if not secret:
        raise CliError("error while validating TOTP: Decoding of secret as base32 failed.")
    return secret
