"""Making the CRL of a CA whose key no service has, usually a root (RFC 5280 §5)."""

import datetime as dt
from dataclasses import dataclass

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm

from newel.crypto import certificate_files, crl_files, keys, loading
from newel.crypto.crl import CRLEncoder, crl_entry
from newel.crypto.lint import LintError, ListLinter
from newel.signer.ceremony.certificates import BACKDATE, CeremonyError, OpenIssuer
from newel.signer.ceremony.plan import ListPlan, Plan, RevokedPlan

_SECOND = dt.timedelta(seconds=1)
_REASONS = {
    "unspecified": 0, "keyCompromise": 1, "cACompromise": 2, "affiliationChanged": 3, "superseded": 4,
    "cessationOfOperation": 5,
}  # fmt: skip # a table


@dataclass(frozen=True, slots=True)
class SignedList:
    """A signed and verified list, DER."""

    plan: ListPlan
    der: bytes
    number: int
    next_update: dt.datetime
    entries: int


def make_lists(plan: Plan, issuers: dict[str, OpenIssuer], now: dt.datetime) -> list[SignedList]:
    """Make every list of the plan. Raises :class:`CeremonyError` and ``OSError``."""
    return [_make(each, issuers[each.issuer], now) for each in plan.crls]


def _make(plan: ListPlan, issuing: OpenIssuer, now: dt.datetime) -> SignedList:
    issuer = issuing.issuer.certificate
    _check_crl_sign(plan, issuer)
    begin = now.replace(microsecond=0) - BACKDATE
    end = min(begin + plan.validity - _SECOND, issuing.issuer.not_after)
    previous = _read_previous_list(plan, issuer)
    entries = crl_files.list_entries(previous) if previous is not None else {}
    for revoked in plan.revoked:
        serial = _read_serial(revoked, issuer)
        # an earlier revocation date stays: later signatures do not become trusted again
        entries.setdefault(
            serial, crl_entry(serial, int(now.timestamp()), _REASONS[revoked.reason])
        )
    last = crl_files.list_number(previous) if previous is not None else 0
    number = max(last + 1, int(now.timestamp()))
    encoder = CRLEncoder(issuer)
    if end <= begin:
        raise CeremonyError(f"the certificate of {plan.issuer} has expired: it cannot sign a list")
    tbs = encoder.tbs(number, begin, end, [entries[serial] for serial in sorted(entries)])
    try:
        ListLinter(issuer).lint(tbs)
    except LintError as error:
        raise CeremonyError(str(error)) from None
    signature = issuing.key.sign(tbs)
    try:
        keys.verify(issuing.issuer.public_key, signature, tbs)
    except (keys.InvalidSignature, UnsupportedAlgorithm):
        raise CeremonyError("the signature of a list is not by its issuer's key") from None
    return SignedList(plan, encoder.assemble(tbs, signature), number, end, len(entries))


def _check_crl_sign(plan: ListPlan, issuer: x509.Certificate) -> None:
    for extension in loading.read_extensions(issuer):
        if isinstance(extension.value, x509.KeyUsage) and not extension.value.crl_sign:
            raise CeremonyError(f"the key usage of {plan.issuer} does not allow it to sign lists")


def _read_previous_list(
    plan: ListPlan, issuer: x509.Certificate
) -> x509.CertificateRevocationList | None:
    """Read the list to replace. A file with other content is never overwritten."""
    if not plan.file.exists():
        return None
    try:
        return crl_files.read_list(plan.file, issuer)
    except ValueError as error:
        raise CeremonyError(
            f"{plan.file} exists and is not an earlier list of {plan.issuer}: {error}"
        ) from None


def _read_serial(revoked: RevokedPlan, issuer: x509.Certificate) -> int:
    der = certificate_files.read_certificates(revoked.certificate)[0]
    certificate = loading.load_certificate(der)
    if not loading.is_issued_by(certificate, issuer):
        raise CeremonyError(
            f"{revoked.certificate} was not issued by {issuer.subject.rfc4514_string()}, the issuer of this list"
        )
    return certificate.serial_number
