"""Which statements of status a key may sign: CRLs by an issuer, OCSP responses by a responder.

CRL: the algorithm is the key's; the issuer is the subject of the key's certificate, octet for octet, and
the authority key identifier is the key's; the number has at most 20 octets; thisUpdate is not in the
future, and nextUpdate is within the maximum; every critical extension is known.

OCSP: the responder is the key's certificate, by key hash or by name; it was produced now; every
answer is about a certificate of the one issuer, begins before now, and ends within the maximum and before
the responder's certificate does.
"""

import datetime as dt
import hashlib
from collections.abc import Callable
from dataclasses import dataclass

from cryptography import x509
from cryptography.x509 import ocsp

from newel.durations.go import format_duration
from newel.signer.errors import policy_error
from newel.signer.issuer import Issuer
from newel.signer.statements import CRLStatement, OCSPStatement

SKEW = dt.timedelta(minutes=5)
"""How far the clocks of two services may differ."""

_LARGEST_NUMBER = 1 << 159
_CRL_EXTENSIONS = (
    x509.AuthorityKeyIdentifier,
    x509.CRLNumber,
    x509.DeltaCRLIndicator,
    x509.FreshestCRL,
    x509.IssuingDistributionPoint,
)


@dataclass(frozen=True, slots=True)
class CRLPolicy:
    """The checks of one key that signs CRLs."""

    issuer: Issuer
    algorithm: bytes
    max_validity: dt.timedelta

    def check(self, statement: CRLStatement, now: dt.datetime) -> None:
        """Raise :func:`policy_error` for the first failed check."""
        if statement.algorithm != self.algorithm:
            raise policy_error("the algorithm in the CRL is not the key's")
        if statement.issuer != self.issuer.subject:
            raise policy_error("the issuer is not the subject of the key's certificate")
        if statement.number is None or not 0 <= statement.number < _LARGEST_NUMBER:
            raise policy_error("cRLNumber is missing or longer than 20 octets")
        self._check_extensions(statement)
        _check_period(statement.this_update, statement.next_update, now, self.max_validity)

    def _check_extensions(self, statement: CRLStatement) -> None:
        identifier = None
        for extension in statement.extensions:
            if extension.critical and not isinstance(extension.value, _CRL_EXTENSIONS):
                raise policy_error(f"an unknown critical extension: {extension.oid.dotted_string}")
            if isinstance(extension.value, x509.AuthorityKeyIdentifier):
                identifier = extension.value.key_identifier
        if identifier is None or identifier != self.issuer.key_identifier:
            raise policy_error("the authority key identifier is not the issuer's")


_HASHES: dict[str, Callable[[bytes], bytes]] = {
    "sha1": lambda data: hashlib.sha1(data, usedforsecurity=False).digest(),
    "sha256": lambda data: hashlib.sha256(data).digest(),
    "sha384": lambda data: hashlib.sha384(data).digest(),
    "sha512": lambda data: hashlib.sha512(data).digest(),
}


class OCSPPolicy:
    """The checks of one key that signs OCSP responses, delegated by ``issuer`` or its own."""

    def __init__(self, responder: Issuer, issuer: Issuer, max_validity: dt.timedelta) -> None:
        own = responder.der == issuer.der
        delegated = responder.is_ocsp_responder and not responder.is_ca
        if not own and not (delegated and responder.is_issued_by(issuer)):
            raise ValueError(
                "the OCSP responder's certificate is not delegated by the issuer it answers for"
            )
        self._until = responder.not_after
        self._max_validity = max_validity
        self._key_hash = _HASHES["sha1"](responder.key_bits)
        self._name = responder.name
        self._issuer_ids = {
            name: (hashed(issuer.subject), hashed(issuer.key_bits))
            for name, hashed in _HASHES.items()
        }

    def check(self, statement: OCSPStatement, now: dt.datetime) -> None:
        """Raise :func:`policy_error` for the first failed check."""
        if (
            statement.responder_key_hash != self._key_hash
            and statement.responder_name != self._name
        ):
            raise policy_error("the responder is not the key's certificate")
        if not now - SKEW <= statement.produced_at <= now + SKEW:
            raise policy_error(f"produced at {statement.produced_at}, which is not now")
        if not statement.responses:
            raise policy_error("a response without answers")
        for response in statement.responses:
            self._check_single(response, now)

    def _check_single(self, response: ocsp.OCSPSingleResponse, now: dt.datetime) -> None:
        ids = self._issuer_ids.get(response.hash_algorithm.name)
        if ids != (response.issuer_name_hash, response.issuer_key_hash):
            raise policy_error("an answer about the certificate of another issuer")
        end = response.next_update_utc
        _check_period(response.this_update_utc, end, now, self._max_validity)
        if end is not None and end > self._until:
            raise policy_error("an answer that outlives the responder's certificate")


def _check_period(
    begin: dt.datetime, end: dt.datetime | None, now: dt.datetime, max_validity: dt.timedelta
) -> None:
    if begin > now + SKEW:
        raise policy_error(f"thisUpdate {begin} lies in the future")
    if end is None:
        raise policy_error("no nextUpdate")
    if not now < end <= begin + max_validity:
        limit = format_duration(max_validity)
        raise policy_error(f"nextUpdate {end} is past, or later than {limit} after thisUpdate")
