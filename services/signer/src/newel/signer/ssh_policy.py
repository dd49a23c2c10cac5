"""Which SSH certificates a key may sign.

The signature key in the certificate is the key; the type is the one type of the key; there are principals
(none would mean all); the validity begins soon, and ends after it begins, after now and within the maximum;
sshd knows every critical option.
"""

import datetime as dt
from dataclasses import dataclass

from newel.durations.go import format_duration
from newel.signer.errors import policy_error
from newel.signer.ssh_statements import SSHStatement

_SLACK = dt.timedelta(minutes=5)
"""How far the issuing authority's clock may be ahead."""
_OPTIONS = {
    "user": frozenset(("force-command", "source-address", "verify-required")),
    "host": frozenset[str](),
}


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
