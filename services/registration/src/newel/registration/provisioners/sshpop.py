"""SSHPOP provisioners: a host renews, rekeys and revokes its certificate by the key that is in it."""

import base64
import binascii
import datetime as dt
from collections.abc import Collection, Mapping
from typing import NamedTuple

from newel.crypto.ssh import certificates, signatures
from newel.crypto.ssh.certificates import FOREVER, Certificate
from newel.crypto.ssh.key_quality import UnusableKeyError, load_key
from newel.crypto.ssh.wire import Reader, WireError, string
from newel.registration.errors import unauthorized_error
from newel.registration.provisioners import step_tokens
from newel.registration.provisioners.grant import TokenUse
from newel.registration.provisioners.provisioner import Provisioner, TokenRules, token_use
from newel.step.audiences import Method
from newel.step.tokens import UnverifiedToken

_MAX_HEADER = 64 * 1024


class SSHProof(NamedTuple):
    """A certificate whose key signed the token, and the one use of that token."""

    certificate: Certificate
    use: TokenUse
    subject: str
    """The token's subject: for a revocation the serial number."""


class SSHPOPProvisioner(Provisioner):
    """One SSHPOP provisioner."""

    def prove(
        self,
        token: UnverifiedToken,
        rules: TokenRules,
        method: Method,
        now: dt.datetime,
        keys: Mapping[str, Collection[bytes]],
    ) -> SSHProof:
        """Verify a token and return the certificate that it proves.

        1. the certificate in its header is signed by one of ``keys``, the keys trusted for its type;
        2. the token is signed by the certificate's key, for ``method``, now. Whether the certificate is
        on record, revoked, or valid now is for the caller to decide. Raises ``unauthorized``.
        """
        self.require_ssh()
        certificate = _read_header(token.header.sshpop)
        _verify_certificate(certificate, keys)
        try:
            key = load_key(certificate.public_key)
        except UnusableKeyError as error:
            raise unauthorized_error(f"the certificate's key is not usable: {error}") from None
        verified = step_tokens.verify(
            token, key, rules, method, now, issuer=self.name, fragment=self.id
        )
        return SSHProof(certificate, token_use(self.id, verified), verified.claims.sub)


def _read_header(encoded: str | None) -> Certificate:
    if not encoded:
        raise unauthorized_error("the token has no certificate (sshpop)")
    if len(encoded) > _MAX_HEADER:
        raise unauthorized_error("the certificate is too long (sshpop)")
    try:
        return certificates.parse(base64.b64decode(encoded, validate=True))
    except (binascii.Error, ValueError) as error:  # a WireError is one
        raise unauthorized_error(f"the header is no SSH certificate (sshpop): {error}") from None


def _verify_certificate(certificate: Certificate, keys: Mapping[str, Collection[bytes]]) -> None:
    if certificate.signature_key not in keys.get(certificate.kind, ()):
        raise unauthorized_error("the certificate is by another authority (sshpop)")
    # what is signed is all before the last field, the signature as a string
    signature = string(certificate.signature_type.encode()) + string(certificate.signature)
    size = len(string(signature))
    signed, rest = certificate.wire[:-size], certificate.wire[-size:]
    try:
        Reader(rest).string()  # the last field is as long as it is in the shortest form
        signatures.require_valid(load_key(certificate.signature_key), signature, signed)
    except (WireError, UnusableKeyError) as error:
        raise unauthorized_error(f"the certificate is not signed (sshpop): {error}") from None


def is_valid_now(certificate: Certificate, now: dt.datetime) -> bool:
    """Tell whether a certificate's validity has begun and not ended."""
    seconds = now.timestamp()
    end = certificate.valid_before
    return certificate.valid_after <= seconds and (end == FOREVER or seconds < end)
