"""The ceremony of an embedded authority: root, intermediate and OCSP responder in files of one folder."""

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.x509.oid import NameOID

from newel.crypto import loading, pem
from newel.signer.ceremony.certificates import reissue
from newel.signer.ceremony.execution import run_ceremony
from newel.signer.ceremony.output import fingerprint, replace_file
from newel.signer.ceremony.plan import (
    CertificatePlan,
    ExistingIssuer,
    ListPlan,
    Plan,
    Subject,
    plan_intermediate,
)
from newel.signer.issuer import read_issuer
from newel.signer.stores import FileStore

_RESPONDER_VALIDITY = dt.timedelta(days=30)
"""Clients do not check a responder's certificate for revocation (RFC 6960 §4.2.2.2.1), so it is short-lived."""


_MAX_NAME = 64 - len(" OCSP Responder")


@dataclass(frozen=True, slots=True)
class AuthorityFiles:
    """The files of an embedded authority; every key is encrypted with one password."""

    root_certificate: Path
    root_key: Path
    intermediate_certificate: Path
    intermediate_key: Path
    responder_certificate: Path
    responder_key: Path
    password_file: Path
    record: Path
    root_crl: Path
    intermediate_store: Mapping[str, Any] | None = None
    """The settings of the intermediate's key, where it is not in ``intermediate_key``."""


def create_authority(
    files: AuthorityFiles, name: str, now: dt.datetime, root_crl_url: str = ""
) -> str:
    """Create the authority and return the root's SHA-256 fingerprint in hex.

    P-256 throughout. The root is valid for ten years and its path length is 1, the intermediate as long
    with path length 0, the responder for thirty days: see :func:`reissue_responder`. The root's CRL is valid
    for a year; the intermediate contains its URL ``root_crl_url`` ("" for none), with the root's id for
    ``{issuer}``.
    Raises what :func:`newel.signer.ceremony.execution.run_ceremony` raises; then nothing was written.
    """

    def store(path: Path) -> FileStore:
        return FileStore(kind="file", path=path, password_file=files.password_file)

    plan = Plan(
        record=files.record,
        certificates=(
            CertificatePlan(
                name="root",
                role="root",
                subject=Subject(common_name=f"{name} Root CA", organization=name),
                store=store(files.root_key),
                certificate=files.root_certificate,
            ),
            plan_intermediate(
                Subject(common_name=f"{name} Intermediate CA", organization=name),
                store(files.intermediate_key),
                files.intermediate_certificate,
                root_crl_url,
            ),
            _responder(files, name),
        ),
        crls=(ListPlan(issuer="root", file=files.root_crl),),
    )
    return fingerprint(run_ceremony(plan, now).certificates[0].certificate)


def add_responder(files: AuthorityFiles, now: dt.datetime) -> None:
    """Create the responder of an authority of ``ca init``, which has none.

    Raises what :func:`newel.signer.ceremony.execution.run_ceremony` raises; then nothing was written.
    """
    issuer = _intermediate(files)
    text = files.intermediate_certificate.read_bytes()
    name = _short_name(read_issuer(text).name)
    plan = Plan(record=files.record, existing=(issuer,), certificates=(_responder(files, name),))
    run_ceremony(plan, now)


def reissue_responder(files: AuthorityFiles, now: dt.datetime) -> x509.Certificate | None:
    """Issues the responder's certificate again for the same key once two thirds of its life are over.

    Returns the new one, or None if the old one is valid for longer. Call it regularly: the signer and the
    validation authority load the new file, and use the old one until then.
    """
    text = files.responder_certificate.read_bytes()
    current = read_issuer(text).certificate
    begin, end = current.not_valid_before_utc, current.not_valid_after_utc
    if begin <= now < begin + (end - begin) * 2 / 3:  # one from the future is not valid yet
        return None
    chain = reissue(current, _intermediate(files), now)
    replace_file(files.responder_certificate, pem.encode_all(chain))
    return loading.load_certificate(chain[0])


def _intermediate(files: AuthorityFiles) -> ExistingIssuer:
    store = files.intermediate_store or {
        "kind": "file",
        "path": files.intermediate_key,
        "password_file": files.password_file,
    }
    return ExistingIssuer.model_validate(
        {"name": "intermediate", "certificate": files.intermediate_certificate, "store": store}
    )


def _short_name(subject: x509.Name) -> str:
    """Derive a name for an authority's responder from any subject of the authority."""
    found = subject.get_attributes_for_oid(NameOID.ORGANIZATION_NAME) or [*subject]
    text = "".join(filter(str.isprintable, str(found[0].value))) if found else ""
    return text[:_MAX_NAME].strip() or "Authority"


def _responder(files: AuthorityFiles, name: str) -> CertificatePlan:
    return CertificatePlan(
        name="ocsp",
        role="ocsp-responder",
        issuer="intermediate",
        subject=Subject(common_name=f"{name} OCSP Responder", organization=name),
        store=FileStore(kind="file", path=files.responder_key, password_file=files.password_file),
        certificate=files.responder_certificate,
        validity=_RESPONDER_VALIDITY,
    )
