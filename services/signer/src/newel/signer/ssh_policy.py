"""Which SSH certificates a key may sign, and the encoding of their signatures.

The signature key in the certificate is the key; the type is the one type of the key; there are principals
(none would mean all); the validity begins soon, and ends after it begins, after now and within the maximum;
sshd knows every critical option.
"""

import base64
import datetime as dt
import struct
from collections.abc import Callable
from dataclasses import dataclass

from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from newel.crypto.keys import PublicKey
from newel.durations.go import format_duration
from newel.signer.errors import policy_error
from newel.signer.ssh_statements import SSHStatement

_SLACK = dt.timedelta(minutes=5)
"""How far the issuing authority's clock may be ahead."""
_OPTIONS = {
    "user": frozenset(("force-command", "source-address", "verify-required")),
    "host": frozenset[str](),
}
_CURVES = {256: b"ecdsa-sha2-nistp256", 384: b"ecdsa-sha2-nistp384", 521: b"ecdsa-sha2-nistp521"}


@dataclass(frozen=True, slots=True)
class SSHPolicy:
    """The checks of the key of one SSH CA."""

    signature_key: bytes
    certificate_type: str
    max_validity: dt.timedelta
    latest_start: dt.timedelta

    def check(self, statement: SSHStatement, now: dt.datetime) -> None:
        """Raise :func:`policy_error` for the first failed check."""
        if statement.signature_key != self.signature_key:
            raise policy_error("the certificate has another signature key")
        if statement.certificate_type != self.certificate_type:
            raise policy_error(f"not a {self.certificate_type} certificate")
        if not statement.principals or not all(statement.principals):
            raise policy_error("a certificate without principals would be valid for all")
        unknown = statement.critical_options.keys() - _OPTIONS[self.certificate_type]
        if unknown:
            raise policy_error(f"unknown critical options: {', '.join(sorted(unknown))}")
        self._check_validity(statement, now)

    def _check_validity(self, statement: SSHStatement, now: dt.datetime) -> None:
        end = statement.expires_at
        if end is None:
            raise policy_error("the certificate never expires")
        if end <= now or statement.valid_before <= statement.valid_after:
            raise policy_error(
                "the certificate has expired before it is signed, or ends before it begins"
            )
        seconds = int(now.timestamp())
        if statement.valid_after > seconds + (self.latest_start + _SLACK).total_seconds():
            raise policy_error("the certificate begins too far ahead of now")
        begin = max(statement.valid_after, seconds)
        if statement.valid_before - begin > self.max_validity.total_seconds():
            raise policy_error(
                f"validity exceeds the maximum of {format_duration(self.max_validity)}: it ends at {end}"
            )


def public_blob(key: PublicKey) -> bytes:
    """Encode a public key as SSH does (RFC 4253 §6.6)."""
    return base64.b64decode(key.public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).split()[1])


def signature_encoder(key: PublicKey) -> Callable[[bytes], bytes]:
    """Return the encoder of SSH signatures from X.509 ones (RFC 5656 §3.1.2, 8332 §3, 8709 §6)."""
    if isinstance(key, ec.EllipticCurvePublicKey):
        name = _CURVES[key.key_size]

        def ecdsa(signature: bytes) -> bytes:
            halves = decode_dss_signature(signature)
            return _string(name) + _string(b"".join(_mpint(half) for half in halves))

        return ecdsa
    name = b"rsa-sha2-256" if isinstance(key, rsa.RSAPublicKey) else b"ssh-ed25519"
    return lambda signature: _string(name) + _string(signature)


def _string(data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + data


def _mpint(number: int) -> bytes:
    return _string(number.to_bytes(number.bit_length() // 8 + 1, "big"))
