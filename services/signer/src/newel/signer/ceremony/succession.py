"""The successor of an embedded authority's intermediate: a new key, certified by the root."""

import datetime as dt
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.x509.oid import ExtensionOID, NameOID

from newel.crypto import certificate_files, keys, loading
from newel.crypto.keys import KeyKind
from newel.signer.ceremony.certificates import CeremonyError
from newel.signer.ceremony.execution import run_ceremony
from newel.signer.ceremony.output import fingerprint
from newel.signer.ceremony.plan import (
    ExistingIssuer,
    ListPlan,
    Plan,
    Subject,
    plan_intermediate,
)
from newel.signer.stores import FileStore

_SUPPORTED = {
    ExtensionOID.BASIC_CONSTRAINTS,
    ExtensionOID.KEY_USAGE,
    ExtensionOID.SUBJECT_KEY_IDENTIFIER,
    ExtensionOID.AUTHORITY_KEY_IDENTIFIER,
    ExtensionOID.CRL_DISTRIBUTION_POINTS,
    ExtensionOID.AUTHORITY_INFORMATION_ACCESS,
}
"""The extensions of a new intermediate, and those that point to its status."""


@dataclass(frozen=True, slots=True)
class SuccessionFiles:
    """The root, the current intermediate, and the files of its successor."""

    root_certificate: Path
    root_key: Path
    root_password_file: Path | None
    root_crl: Path
    intermediate_certificate: Path
    new_certificate: Path
    new_key: Path
    new_password_file: Path
    record: Path


def create_successor(
    files: SuccessionFiles, number: int, now: dt.datetime, root_crl_url: str = ""
) -> str:
    """Make the intermediate numbered ``number`` and the root's CRL; return its SHA-256 in hex.

    Its key is of the same kind. Its name differs, because relying parties look for an issuer's CRL by name.
    Raises :class:`CeremonyError` for an intermediate with extensions that a new one would not have, and
    what :func:`newel.signer.ceremony.execution.run_ceremony` raises; then nothing was written.
    """
    der = certificate_files.read_certificates(files.intermediate_certificate)[0]
    before = loading.load_certificate(der)
    lost = {
        each.oid.dotted_string
        for each in loading.read_extensions(before)
        if each.oid not in _SUPPORTED
    }
    if lost:
        raise CeremonyError(
            f"{files.intermediate_certificate} has extensions that a new intermediate would not have"
            f" ({', '.join(sorted(lost))}): write a plan for 'newel ceremony', or have it made where this one was"
        )
    root = FileStore(kind="file", path=files.root_key, password_file=files.root_password_file)
    own = FileStore(kind="file", path=files.new_key, password_file=files.new_password_file)
    successor = plan_intermediate(
        _successor_subject(before, number),
        own,
        files.new_certificate,
        root_crl_url,
        _key_kind(before),
    )
    plan = Plan(
        record=files.record,
        existing=(ExistingIssuer(name="root", certificate=files.root_certificate, store=root),),
        certificates=(successor,),
        crls=(ListPlan(issuer="root", file=files.root_crl),),
    )
    return fingerprint(run_ceremony(plan, now).certificates[0].certificate)


def _successor_subject(before: x509.Certificate, number: int) -> Subject:
    def read(oid: x509.ObjectIdentifier) -> str | None:
        found = before.subject.get_attributes_for_oid(oid)
        return str(found[0].value) if found else None

    name = read(NameOID.COMMON_NAME) or read(NameOID.ORGANIZATION_NAME) or "Intermediate CA"
    stem, _, last = name.rpartition(" ")
    if stem and last == str(number - 1):  # the successor of a successor
        name = stem
    return Subject(
        common_name=f"{name} {number}",
        organization=read(NameOID.ORGANIZATION_NAME),
        country=read(NameOID.COUNTRY_NAME),
    )


def _key_kind(before: x509.Certificate) -> KeyKind:
    key = loading.read_public_key(before)
    return (keys.kind_of(key) if isinstance(key, keys.PublicKey) else None) or KeyKind.P256
