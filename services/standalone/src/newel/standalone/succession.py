"""``newel up --new-intermediate``: another issuing certificate, by the root's key, for the next start."""

import datetime as dt
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec

from newel.crypto import certificate_files, loading
from newel.runtime.config import ConfigError
from newel.runtime.entropy import random_hex
from newel.signer.app import SuccessionFiles, create_successor
from newel.standalone.key_stores import is_in_service
from newel.standalone.layout import Layout
from newel.standalone.options import Options
from newel.standalone.settings import read_settings


def replace_intermediate(layout: Layout, options: Options, now: dt.datetime) -> str:
    """Make it, name it in ca.json, and answer with what a person should know.

    ca.json is written last and at once: whatever fails before leaves the authority as it was. The certificate
    before stays among ``newel.formerIssuers``, so that OCSP and CRL go on for what it issued. Raises ConfigError,
    OSError, and CeremonyError from the signer.
    """
    settings = read_settings(layout)
    if settings.newel.issuing.get("issuers") or settings.newel.signer.get("keys"):
        raise ConfigError(
            f"{layout.ca_json}: newel.issuing.issuers and newel.signer.keys name the issuers themselves: add the"
            " new one there (docs/runbooks/key-ceremony.md)"
        )
    if not settings.http_url:
        raise ConfigError(
            "the certificate would not say where its status is, for there is no plain HTTP address: name it by"
            " --http-address or --http-url, or by insecureAddress in ca.json"
        )
    if is_in_service(settings.ca.kms, settings.ca.key):
        raise ConfigError(
            f"{layout.ca_json}: key: it is in a key service, where this makes none: make one there, have it"
            " certified by 'newel ceremony', and name both (docs/keys.md)"
        )
    number, certificate, key = _free_names(layout)
    files = SuccessionFiles(
        root_certificate=_root_of(settings.ca.crt, settings.ca.roots),
        root_key=options.root_key or layout.root_key,
        root_password_file=options.root_password_file or settings.password_file,
        root_crl=layout.root_crl,
        intermediate_certificate=Path(settings.ca.crt),
        new_certificate=certificate,
        new_key=key,
        new_password_file=settings.password_file,
        record=layout.state / f"config/ceremony-intermediate-{number}.json",
    )
    fingerprint = create_successor(
        files, number, now, root_crl_url=f"{settings.http_url}/crl/{{issuer}}.crl"
    )
    document = settings.raw
    former = {"crt": document["crt"], "key": document["key"]}
    section: dict[str, Any] = {**(document.get("newel") or {})}
    section["formerIssuers"] = [*(section.get("formerIssuers") or ()), former]
    document = {
        **document,
        "crt": str(certificate.relative_to(layout.state)),
        "key": str(key.relative_to(layout.state)),
        "newel": section,
    }
    _replace(layout.ca_json, msgspec.json.format(msgspec.json.encode(document), indent=2) + b"\n")
    return (
        f"A new intermediate was made: {certificate}\n"
        f"  SHA-256  {fingerprint}\n"
        "From the next start on it issues. What the one before issued keeps its OCSP answers and its CRL."
    )


def _root_of(chain_file: str, root_files: Sequence[str]) -> Path:
    """Return the file of the root that a chain leads to; the first where none fits."""
    top = loading.load_certificate(certificate_files.read_certificates(Path(chain_file))[-1])
    for file in root_files:
        root = loading.load_certificate(certificate_files.read_certificates(Path(file))[0])
        if loading.is_issued_by(top, root):
            return Path(file)
    return Path(root_files[0])


def _free_names(layout: Layout) -> tuple[int, Path, Path]:
    number = 2
    while True:
        certificate = layout.state / f"certs/intermediate_ca_{number}.crt"
        key = layout.state / f"secrets/intermediate_ca_{number}_key"
        if not certificate.exists() and not key.exists():
            return number, certificate, key
        number += 1


def _replace(path: Path, data: bytes) -> None:
    """Put a file in the place of another at once, with its mode."""
    beside = path.with_name(f".{path.name}.{random_hex(4)}")
    mode = path.stat().st_mode & 0o777
    with os.fdopen(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    beside.replace(path)
