"""The ceremony of the embedded default: root, intermediate and OCSP responder in one folder's files."""

import datetime as dt
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509

from newel.crypto import pem
from newel.signer.ceremony.holding import hold
from newel.signer.ceremony.making import reissue
from newel.signer.ceremony.plan import CertificatePlan, ExistingIssuer, Plan, Subject
from newel.signer.ceremony.writing import fingerprint, replace
from newel.signer.config import FileStore


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


def create_authority(files: AuthorityFiles, name: str, now: dt.datetime) -> str:
    """Makes the authority and answers with the root's SHA-256 fingerprint in hex.

    P-256 throughout. The root is valid for ten years with room for one CA below it, the intermediate as
    long with room for none, the responder for one year: see :func:`reissue_responder`.
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
            ),
            _responder(files, name),
        ),
    )
    return fingerprint(hold(plan, now)[0].certificate)


def reissue_responder(files: AuthorityFiles, now: dt.datetime) -> bool:
    """Issues the responder's certificate again for the same key once half of its life is over.

    Answers whether it did. To be called at start and daily: the signer takes up the new file.
    """
    text = files.responder_certificate.read_bytes()
    current = x509.load_der_x509_certificate(pem.decode_all(text)[0])
    begin, end = current.not_valid_before_utc, current.not_valid_after_utc
    if now < begin + (end - begin) / 2:
        return False
    store = FileStore(kind="file", path=files.intermediate_key, password_file=files.password_file)
    issuer = ExistingIssuer(
        name="intermediate", certificate=files.intermediate_certificate, store=store
    )
    replace(files.responder_certificate, pem.encode_all(reissue(current, issuer, now)))
    return True


def _responder(files: AuthorityFiles, name: str) -> CertificatePlan:
    return CertificatePlan(
        name="ocsp",
        role="ocsp-responder",
        issuer="intermediate",
        subject=Subject(common_name=f"{name} OCSP Responder", organization=name),
        store=FileStore(kind="file", path=files.responder_key, password_file=files.password_file),
        certificate=files.responder_certificate,
    )
