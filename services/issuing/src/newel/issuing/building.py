"""Steps 3 and 4 of issuance: draw a serial, build the TBSCertificate, check and lint it."""

from collections.abc import Callable, Sequence

from newel.crypto import keys, quality, serials
from newel.crypto.certificate import LeafEncoder
from newel.crypto.crl_shards import find_shard
from newel.crypto.lint import CertificateLinter, LintedCertificate
from newel.issuing.config import Urls
from newel.issuing.issuers import Issuer
from newel.issuing.profiles import Profile
from newel.issuing.records import Intent
from newel.issuing.requests import AcceptedRequest
from newel.runtime.errors import ErrorType, NewelError

_MOST_ENCODERS = 4096
"""One for each issuer, profile or part of one, and shard: about a kilobyte each."""


class Builder:
    """Builds and lints certificates. ``entropy`` returns that many unpredictable octets."""

    def __init__(self, urls: Urls, entropy: Callable[[int], bytes]) -> None:
        self._urls = urls
        self._entropy = entropy
        self._encoders: dict[tuple[str, str, str], LeafEncoder] = {}
        self._linters: dict[str, CertificateLinter] = {}

    def draw_serial(self, now: float) -> bytes:
        """Draw a serial number that is new in all likelihood; the database makes sure."""
        return serials.new_serial(now, self._entropy(serials.RANDOM_OCTETS))

    def build(self, request: AcceptedRequest, serial: bytes) -> Intent:
        """Build the certificate as it will be signed: the intent to be recorded.

        Raises ``badPublicKey``, and ``malformed`` for what breaks a rule of RFC 5280.
        """
        try:
            quality.check_public_key(request.public_key)
        except (quality.WeakKey, keys.InvalidKeyError) as error:
            raise NewelError(ErrorType.BAD_PUBLIC_KEY, str(error)) from None
        encoder = self._encoder(request.issuer, request.profile, self._shard(serial))
        try:
            tbs = encoder.tbs(
                serial,
                request.subject,
                request.public_key,
                request.names,
                request.validity.not_before,
                request.validity.not_after,
                request.extensions,
            )
            linted = self._linter(request.issuer).lint(tbs)
        except ValueError as error:
            raise NewelError(ErrorType.MALFORMED, str(error)) from None
        return _intent(request, serial, linted)

    def _shard(self, serial: bytes) -> str:
        """Return the name of the CRL shard that lists this certificate if it is revoked; "" for none."""
        count = self._urls.crl_shards
        return find_shard(serial, count).name if count else ""

    def _encoder(self, issuer: Issuer, profile: Profile, shard: str) -> LeafEncoder:
        encoder = self._encoders.get((issuer.id, profile.key, shard))
        if encoder is None:
            encoder = LeafEncoder(
                issuer.parsed,
                profile.shape,
                ocsp=_urls(issuer, self._urls.ocsp),
                ca_issuers=_urls(issuer, self._urls.ca_issuers),
                # an issuer whose key may not sign CRLs has none to point to
                crl=_urls(
                    issuer, self._urls.crl.replace("{shard}", shard) if issuer.signs_crls else ""
                ),
            )
            if len(self._encoders) >= _MOST_ENCODERS:
                self._encoders.clear()
            self._encoders[issuer.id, profile.key, shard] = encoder
        return encoder

    def _linter(self, issuer: Issuer) -> CertificateLinter:
        linter = self._linters.get(issuer.id)
        if linter is None:
            linter = self._linters[issuer.id] = CertificateLinter(issuer.parsed)
        return linter


def _intent(request: AcceptedRequest, serial: bytes, linted: LintedCertificate) -> Intent:
    return Intent(
        idempotency_key=request.idempotency_key,
        serial=serial,
        issuer=request.issuer.id,
        profile=request.profile.name,
        tbs=linted.tbs,
        not_after=request.validity.not_after,
        key_digest=request.key_digest,
        provisioner=request.provisioner,
        subject_of_proof=request.subject_of_proof,
        renewed_from=request.renewed_from or request.replaces,
        created_at=request.accepted_at,
        max_signature_size=request.issuer.max_signature_size,
        request_id=request.request_id,
        proved_by=request.renewed_from,
    )


def _urls(issuer: Issuer, url: str) -> Sequence[str]:
    return (url.replace("{issuer}", issuer.id),) if url else ()
