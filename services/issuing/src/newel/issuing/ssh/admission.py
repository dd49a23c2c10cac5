"""Step 2 of SSH issuance: check a request against the rules and its issuer before anything is built."""

import datetime as dt
import hashlib

from newel.crypto.ssh import key_quality
from newel.durations.go import format_duration
from newel.issuing.requests import IDEMPOTENCY_KEY_SIZES, RefusedRequest, malformed_error
from newel.issuing.ssh import rules
from newel.issuing.ssh.issuers import SSHIssuer, SSHIssuers
from newel.issuing.ssh.requests import AcceptedSSHRequest, SSHIssueRequest
from newel.runtime.errors import ErrorType, NewelError

_MAX_TEXT_LENGTH = 1024


class SSHAdmission:
    """Checks requests for SSH certificates."""

    def __init__(self, issuers: SSHIssuers) -> None:
        self._issuers = issuers

    def decide(
        self, request: SSHIssueRequest, now: dt.datetime
    ) -> AcceptedSSHRequest | RefusedRequest:
        """Accept or refuse a request."""
        digest = hashlib.sha256(request.public_key).digest()
        try:
            # the digest of the key itself: a key that was blocked as one of X.509 is blocked here too
            digest = hashlib.sha256(_check_key(request.public_key)).digest()
            return AcceptedSSHRequest(request, self._check(request, now), digest, now)
        except NewelError as error:
            return RefusedRequest(request.idempotency_key, digest, request.request_id, error)

    def _check(self, request: SSHIssueRequest, now: dt.datetime) -> SSHIssuer:
        if len(request.idempotency_key) not in IDEMPOTENCY_KEY_SIZES:
            raise malformed_error("an idempotency key has 8 to 64 octets")
        if len(request.subject_of_proof) > _MAX_TEXT_LENGTH or "\0" in request.subject_of_proof:
            raise malformed_error("subject_of_proof is too long, or has the character U+0000")
        if request.type is None:
            raise malformed_error("an SSH certificate is one of a user or of a host")
        issuer = self._issuers.select(request.type)
        rules.check_names(request.type, request.key_id, request.principals)
        rules.check_options(request.type, request.critical_options, request.extensions)
        _check_validity(request, issuer, now)
        return issuer


def _check_key(wire: bytes) -> bytes:
    """Return the SubjectPublicKeyInfo of the key to be certified. Raises ``badPublicKey``."""
    try:
        return key_quality.check_key(wire)
    except key_quality.UnusableKeyError as error:
        raise NewelError(ErrorType.BAD_PUBLIC_KEY, str(error)) from None


def _check_validity(request: SSHIssueRequest, issuer: SSHIssuer, now: dt.datetime) -> None:
    begin, end, config = request.valid_after, request.valid_before, issuer.config
    if end <= begin or end <= now:
        raise malformed_error("the certificate ends before it begins, or has expired")
    if begin < now - config.oldest_start:
        raise malformed_error(
            f"validAfter is more than {format_duration(config.oldest_start)} in the past"
        )
    if begin > now + config.latest_start:
        raise malformed_error(
            f"validAfter is more than {format_duration(config.latest_start)} ahead"
        )
    if end - max(begin, now) > config.max_validity:
        raise malformed_error(
            f"certificates of a {issuer.type} are valid for {format_duration(config.max_validity)}"
            " at most"
        )
