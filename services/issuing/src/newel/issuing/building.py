"""Steps 3 and 4 of issuance: a serial, and the TBSCertificate, its key and itself found good."""

from collections.abc import Callable, Sequence

from newel.crypto import keys, quality, serials
from newel.crypto.certificate import LeafEncoder
from newel.crypto.lint import CertificateLinter, LintedCertificate
from newel.issuing.config import Urls
from newel.issuing.issuers import Issuer
from newel.issuing.profiles import Profile
from newel.issuing.records import Intent
from newel.issuing.requests import AcceptedRequest
from newel.runtime.errors import ErrorType, NewelError


class Builder:
    """Builds and lints. ``entropy`` returns that many unpredictable octets."""

    def __init__(self, urls: Urls, entropy: Callable[[int], bytes]) -> None:
        self._urls = urls
        self._entropy = entropy
        self._encoders: dict[tuple[str, str], LeafEncoder] = {}
        self._linters: dict[str, CertificateLinter] = {}

    def serial(self, now: float) -> bytes:
        """A serial number nobody had before, as far as chance goes; the database makes it sure."""
        return serials.new_serial(now, self._entropy(serials.RANDOM_OCTETS))

    def build(self, accepted: AcceptedRequest, serial: bytes) -> Intent:
        """The certificate as it will be signed: the intent that is to be recorded.

        Raises ``badPublicKey``, and ``malformed`` for what breaks a rule of RFC 5280.
        """
        try:
            quality.check_public_key(accepted.public_key)
        except (quality.WeakKey, keys.InvalidKeyError) as error:
            raise NewelError(ErrorType.BAD_PUBLIC_KEY, str(error)) from None
        encoder = self._encoder(accepted.issuer, accepted.profile)
        try:
            tbs = encoder.tbs(
                serial,
                accepted.subject,
                accepted.public_key,
                accepted.names,
                accepted.validity.not_before,
                accepted.validity.not_after,
                accepted.extensions,
            )
            linted = self._linter(accepted.issuer).lint(tbs)
        except ValueError as error:
            raise NewelError(ErrorType.MALFORMED, str(error)) from None
        return _intent(accepted, serial, linted)

    def _encoder(self, issuer: Issuer, profile: Profile) -> LeafEncoder:
        encoder = self._encoders.get((issuer.id, profile.key))
        if encoder is None:
            encoder = LeafEncoder(
                issuer.parsed,
                profile.shape,
                ocsp=_for(issuer, self._urls.ocsp),
                ca_issuers=_for(issuer, self._urls.ca_issuers),
                # where the issuer's key may not sign lists, a pointer would lead nowhere
                crl=_for(issuer, self._urls.crl if issuer.signs_lists else ""),
            )
            self._encoders[issuer.id, profile.key] = encoder
        return encoder

    def _linter(self, issuer: Issuer) -> CertificateLinter:
        linter = self._linters.get(issuer.id)
        if linter is None:
            linter = self._linters[issuer.id] = CertificateLinter(issuer.parsed)
        return linter


def _intent(accepted: AcceptedRequest, serial: bytes, linted: LintedCertificate) -> Intent:
    return Intent(
        idempotency_key=accepted.idempotency_key,
        serial=serial,
        issuer=accepted.issuer.id,
        profile=accepted.profile.name,
        tbs=linted.tbs,
        not_after=int(accepted.validity.not_after.timestamp()),
        key_digest=accepted.key_digest,
        provisioner=accepted.provisioner,
        subject_of_proof=accepted.subject_of_proof,
        renewed_from=accepted.renewed_from,
        created_at=int(accepted.accepted_at.timestamp()),
        room=bytes(accepted.issuer.room),
    )


def _for(issuer: Issuer, url: str) -> Sequence[str]:
    return (url.replace("{issuer}", issuer.id),) if url else ()
