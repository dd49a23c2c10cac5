"""Renewal information (RFC 9773): when each certificate is best renewed."""

import datetime as dt
from typing import NamedTuple

from cryptography import x509
from cryptography.x509.oid import ExtensionOID

from newel.acme.renewal_info import CertificateID, RenewalInfo, SuggestedWindow
from newel.crypto import loading
from newel.registration.acme import identifiers
from newel.registration.acme.calls import not_found_error
from newel.registration.acme.validity import text
from newel.registration.issuance import CertificateRecord, Issuance
from newel.registration.replacements import Replacement, Replacements, ReplacementScope
from newel.runtime.clock import Clock

_NOW = (dt.timedelta(hours=-1), dt.timedelta(minutes=-30))
"""The window of a certificate to be renewed at once: in the past, as RFC 9773 §4.2 tells clients so."""
_SHORTEST_PAUSE, _LONGEST_PAUSE = dt.timedelta(minutes=1), dt.timedelta(hours=6)


class RenewalInfoReader:
    """Reads renewal information: one look-up of the certificate, one of what administrators ordered."""

    def __init__(self, replacements: Replacements, issuance: Issuance, clock: Clock) -> None:
        self._replacements = replacements
        self._issuance = issuance
        self._clock = clock

    async def read(self, name: str) -> tuple[RenewalInfo, int]:
        """Return the information about a certificate, and the seconds after which to ask again.

        ``name`` is an identifier of RFC 9773 §4.1. Raises ``malformed`` for any other text,
        ``notFound`` for a certificate that was not issued here.
        """
        found = await find_certificate(self._issuance, CertificateID.parse(name))
        if found is None:
            raise not_found_error()
        record, leaf = found
        start, end = leaf.not_valid_before_utc, leaf.not_valid_after_utc
        ordered = await self._replacements.active()
        replacement = next((each for each in ordered if is_covered(record, leaf, each)), None)
        explanation = "" if replacement is None else replacement.explanation
        window = suggest_window(start, end)
        if record.is_revoked or replacement is not None:
            now = self._clock.now().replace(microsecond=0)
            window = (now + _NOW[0], now + _NOW[1])
        shown = RenewalInfo(SuggestedWindow(*map(text, window)), explanation)
        pause = min(max((end - start) / 24, _SHORTEST_PAUSE), _LONGEST_PAUSE)
        return shown, int(pause.total_seconds())


def suggest_window(start: dt.datetime, end: dt.datetime) -> tuple[dt.datetime, dt.datetime]:
    """Suggest when to renew a certificate: from half of its life until a third is left."""
    life = end - start
    whole = dt.timedelta(seconds=1)
    return start + life // 2 // whole * whole, start + life * 2 // 3 // whole * whole


class FoundCertificate(NamedTuple):
    """A certificate on record, and read."""

    record: CertificateRecord
    leaf: x509.Certificate


async def find_certificate(
    issuance: Issuance, identifier: CertificateID
) -> FoundCertificate | None:
    """Find the certificate with an identifier; None for one of another issuer, or that is not on record."""
    record = await issuance.find(serial=identifier.serial_octets)
    if record is None:
        return None
    leaf = loading.load_certificate(record.der)
    issuer = loading.find_extension(leaf, ExtensionOID.AUTHORITY_KEY_IDENTIFIER)
    if not isinstance(issuer, x509.AuthorityKeyIdentifier):
        return None
    is_same = issuer.key_identifier == identifier.key_identifier
    return FoundCertificate(record, leaf) if is_same else None


def is_covered(record: CertificateRecord, leaf: x509.Certificate, ordered: Replacement) -> bool:
    """Tell whether a certificate is one of those that are to be replaced."""
    if record.issued_at >= ordered.issued_before:
        return False
    match ordered.scope:
        case ReplacementScope.ALL:
            return True
        case ReplacementScope.ISSUER:
            return record.issuer == ordered.value
        case ReplacementScope.PROVISIONER:
            return record.provisioner.name == ordered.value
        case ReplacementScope.CERTIFICATE:
            return f"{leaf.serial_number:x}" == ordered.value
        case ReplacementScope.NAME:
            listed = identifiers.of_certificate(leaf)
            return any(each is not None and each.value == ordered.value for each in listed)
