"""The ceremony of the embedded default: root, intermediate and OCSP responder in one folder's files."""

import datetime as dt
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.x509.oid import NameOID

from newel.crypto import loading, pem
from newel.signer.ceremony.holding import hold
from newel.signer.ceremony.making import reissue
from newel.signer.ceremony.plan import (
    CertificatePlan,
    ExistingIssuer,
    ListPlan,
    Plan,
    Subject,
    Urls,
)
from newel.signer.ceremony.writing import fingerprint, replace
from newel.signer.config import FileStore
from newel.signer.issuer import read_issuer

_RESPONDER_LIFE = dt.timedelta(days=30)
"""Nobody asks whether a responder's certificate was revoked (RFC 6960 §4.2.2.2.1), so it is short."""


_LONGEST_NAME = 64 - len(" OCSP Responder")


@dataclass(frozen=True, slots=True)
class AuthorityFiles:
    """Where everything of an embedded authority is; every key is encrypted with one password."""

    root_certificate: Path
    root_key: Path
    intermediate_certificate: Path
    intermediate_key: Path
    responder_certificate: Path
    responder_key: Path
    password_file: Path
    record: Path
    root_crl: Path


def create_authority(
    files: AuthorityFiles, name: str, now: dt.datetime, root_crl_url: str = ""
) -> str:
    """Makes the authority and answers with the root's SHA-256 fingerprint in hex.

    P-256 throughout. The root is valid for ten years with room for one CA below it, the intermediate as
    long with room for none, the responder for thirty days: see :func:`reissue_responder`. The root's CRL is
    valid for a year; the intermediate names ``root_crl_url`` as its place ("" for none), where ``{issuer}``
    becomes the root's id.
    Raises what :func:`newel.signer.ceremony.holding.hold` raises; then nothing was written.
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
            CertificatePlan(
                name="intermediate",
                role="intermediate",
                issuer="root",
                subject=Subject(common_name=f"{name} Intermediate CA", organization=name),
                store=store(files.intermediate_key),
                certificate=files.intermediate_certificate,
                urls=Urls(crl=(root_crl_url,) if root_crl_url else ()),
            ),
            _responder(files, name),
        ),
        crls=(ListPlan(issuer="root", file=files.root_crl),),
    )
    return fingerprint(hold(plan, now).certificates[0].certificate)


def add_responder(files: AuthorityFiles, now: dt.datetime) -> None:
    """Makes the responder of an authority that was made elsewhere and has none, by ``ca init`` say.

    Raises what :func:`newel.signer.ceremony.holding.hold` raises; then nothing was written.
    """
    issuer = _intermediate(files)
    text = files.intermediate_certificate.read_bytes()
    name = _short_name(read_issuer(text).name)
    plan = Plan(record=files.record, existing=(issuer,), certificates=(_responder(files, name),))
    hold(plan, now)


def reissue_responder(files: AuthorityFiles, now: dt.datetime) -> x509.Certificate | None:
    """Issues the responder's certificate again for the same key once two thirds of its life are over.

    Answers with the new one; None when the old one is good for longer. To be called now and then: the
    signer and the validation authority take up the new file, and go on with the old one until then.
    """
    text = files.responder_certificate.read_bytes()
    current = read_issuer(text).certificate
    begin, end = current.not_valid_before_utc, current.not_valid_after_utc
    if begin <= now < begin + (end - begin) * 2 / 3:  # one from the future is good for nobody yet
        return None
    chain = reissue(current, _intermediate(files), now)
    replace(files.responder_certificate, pem.encode_all(chain))
    return loading.load_certificate(chain[0])


def _intermediate(files: AuthorityFiles) -> ExistingIssuer:
    store = FileStore(kind="file", path=files.intermediate_key, password_file=files.password_file)
    return ExistingIssuer(
        name="intermediate", certificate=files.intermediate_certificate, store=store
    )


def _short_name(subject: x509.Name) -> str:
    """A name for an authority's responder, whatever the authority's own subject is made of."""
    found = subject.get_attributes_for_oid(NameOID.ORGANIZATION_NAME) or [*subject]
    text = "".join(filter(str.isprintable, str(found[0].value))) if found else ""
    return text[:_LONGEST_NAME].strip() or "Authority"


def _responder(files: AuthorityFiles, name: str) -> CertificatePlan:
    return CertificatePlan(
        name="ocsp",
        role="ocsp-responder",
        issuer="intermediate",
        subject=Subject(common_name=f"{name} OCSP Responder", organization=name),
        store=FileStore(kind="file", path=files.responder_key, password_file=files.password_file),
        certificate=files.responder_certificate,
        validity=_RESPONDER_LIFE,
    )
