"""Writing the results of a ceremony: whole files, without overwriting, and all of them or none."""

import contextlib
import hashlib
import json
import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from newel.crypto import keys, pem
from newel.crypto.keys import PublicKey
from newel.runtime.entropy import random_hex
from newel.signer.ceremony.certificates import CeremonyError, IssuedCertificate, IssuedCross
from newel.signer.ceremony.lists import SignedList
from newel.signer.ceremony.ssh_keys import SSHCAKey
from newel.signer.issuer import Issuer
from newel.signer.stores import AnyStore, FileStore, PKCS11Store

_SECRET, _PUBLIC = 0o600, 0o644


def fingerprint(certificate: bytes) -> str:
    """Hash DER with SHA-256, in hex, as the step tools show it."""
    return hashlib.sha256(certificate).hexdigest()


def refuse_existing(paths: Iterable[Path]) -> None:
    """Raise :class:`CeremonyError` if one of the files, or anything of its name, exists."""
    for path in paths:
        if path.exists() or path.is_symlink():
            raise CeremonyError(f"{path} exists, and a ceremony overwrites nothing")


def write_all(
    made: Iterable[IssuedCertificate],
    lists: Iterable[SignedList],
    ssh_keys: Sequence[SSHCAKey],
    crosses: Sequence[IssuedCross],
    record: Path | None,
    made_at: str,
) -> None:
    """Write keys, then certificates, the record, and lists last; on any error remove the new files.

    A list that replaced an older one stays: it has all revocations of the older one.
    """
    made, lists = list(made), list(lists)
    written: list[Path] = []
    try:
        for each in (*made, *ssh_keys):
            if each.key_pem is not None and isinstance(each.plan.store, FileStore):
                _write_new(each.plan.store.path, each.key_pem, _SECRET)
                written.append(each.plan.store.path)
        for each in (*made, *crosses):
            _write_new(each.plan.certificate, pem.encode_all(each.chain), _PUBLIC)
            written.append(each.plan.certificate)
        for each in ssh_keys:
            _write_new(each.plan.public_key, each.line, _PUBLIC)
            written.append(each.plan.public_key)
        if record is not None:
            facts = {"made_at": made_at, "certificates": [_facts(m) for m in made]}
            if crosses:
                facts["cross_certificates"] = [
                    {**_describe(each), "of": each.plan.of} for each in crosses
                ]
            facts |= {"ssh_keys": [_ssh_facts(each) for each in ssh_keys]} if ssh_keys else {}
            facts |= {"crls": [_list_facts(each) for each in lists]} if lists else {}
            _write_new(record, json.dumps(facts, indent=2).encode() + b"\n", _SECRET)
            written.append(record)
        for each in lists:
            new = not each.plan.file.exists()
            each.plan.file.parent.mkdir(parents=True, exist_ok=True)
            replace_file(each.plan.file, pem.encode(each.der, "X509 CRL"))
            written += [each.plan.file] if new else []
    except BaseException:
        for path in written:
            path.unlink(missing_ok=True)
        raise


def replace_file(path: Path, data: bytes) -> None:
    """Replace a public file atomically."""
    _write_temporary(path, data, _PUBLIC).replace(path)


def _write_new(path: Path, data: bytes, mode: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = _write_temporary(path, data, mode)
    try:
        os.link(temporary, path)  # unlike a rename this fails when the name is taken
    except FileExistsError:
        raise CeremonyError(f"{path} exists, and a ceremony overwrites nothing") from None
    finally:
        temporary.unlink()


def _write_temporary(path: Path, data: bytes, mode: int) -> Path:
    temporary = path.with_name(f".{path.name}.{random_hex(4)}")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
    except BaseException:
        with contextlib.suppress(OSError):
            temporary.unlink()
        raise
    return temporary


def _facts(made: IssuedCertificate) -> dict[str, Any]:
    return {
        **_describe(made),
        "role": made.plan.role,
        "public_key_sha256": _key_fingerprint(made.key.public_key),
        "algorithm": made.plan.algorithm.value,
        "key": _key_facts(made.plan.store),
    }


def _describe(made: IssuedCertificate | IssuedCross) -> dict[str, Any]:
    certificate = Issuer(made.certificate).certificate
    return {
        "name": made.plan.name,
        "subject": certificate.subject.rfc4514_string(),
        "issuer": certificate.issuer.rfc4514_string(),
        "serial": f"{certificate.serial_number:x}",
        "not_before": certificate.not_valid_before_utc.isoformat(),
        "not_after": certificate.not_valid_after_utc.isoformat(),
        "fingerprint_sha256": fingerprint(made.certificate),
        "certificate": str(made.plan.certificate),
    }


def _ssh_facts(made: SSHCAKey) -> dict[str, Any]:
    return {
        "name": made.plan.name,
        "public_key": made.line.decode().strip(),
        "algorithm": made.plan.algorithm.value,
        "key": _key_facts(made.plan.store),
    }


def _key_facts(store: AnyStore) -> Any:
    if isinstance(store, FileStore):
        return str(store.path)
    if isinstance(store, PKCS11Store):
        return {"token": store.token, "label": store.label, "id": (store.id or b"").hex()}
    return {"service": store.kind, "location": store.location}


def _list_facts(made: SignedList) -> dict[str, Any]:
    return {
        "issuer": made.plan.issuer,
        "number": made.number,
        "next_update": made.next_update.isoformat(),
        "entries": made.entries,
        "fingerprint_sha256": fingerprint(made.der),
        "file": str(made.plan.file),
    }


def _key_fingerprint(key: PublicKey) -> str:
    return fingerprint(keys.spki(key))
