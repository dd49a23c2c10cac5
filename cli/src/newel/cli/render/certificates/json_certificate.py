"""A certificate as JSON, in the members zcrypto gave it."""

import hashlib
from typing import Any

from newel.cli.render.certificates import json_extensions, json_keys, json_names, validation_levels
from newel.crypto import der, oids
from newel.crypto.reader import names, public_keys
from newel.crypto.reader.certificates import Certificate


def certificate_json(shown: Certificate) -> dict[str, Any]:
    """Every part of the certificate and its fingerprints."""
    algorithm = signature_algorithm(shown.algorithm)
    extensions, unknown = json_extensions.members(shown)
    self_signed = is_self_signed(shown)
    found: dict[str, Any] = {
        "version": shown.version,
        "serial_number": str(shown.serial),
        "signature_algorithm": algorithm,
        "issuer": json_names.members(shown.issuer),
        "issuer_dn": json_names.line(shown.issuer),
        "validity": {
            "start": f"{shown.not_before:%Y-%m-%dT%H:%M:%SZ}",
            "end": f"{shown.not_after:%Y-%m-%dT%H:%M:%SZ}",
            "length": int((shown.not_after - shown.not_before).total_seconds()),
        },
        "subject": json_names.members(shown.subject),
        "subject_dn": json_names.line(shown.subject),
        "subject_key_info": json_keys.members(shown.spki),
        "extensions": extensions,
        "unknown_extensions": unknown,
        "signature": {
            "signature_algorithm": algorithm,
            "value": json_keys.text(shown.signature),
            "valid": False,
            "self_signed": self_signed,
        },
        "fingerprint_md5": hashlib.md5(shown.der, usedforsecurity=False).hexdigest(),
        "fingerprint_sha1": hashlib.sha1(shown.der, usedforsecurity=False).hexdigest(),
        "fingerprint_sha256": hashlib.sha256(shown.der).hexdigest(),
        "tbs_noct_fingerprint": hashlib.sha256(without_timestamps(shown)).hexdigest(),
        "spki_subject_fingerprint": hashlib.sha256(shown.spki + shown.subject).hexdigest(),
        "tbs_fingerprint": hashlib.sha256(shown.tbs).hexdigest(),
        "validation_level": "unknown" if self_signed else validation_levels.level(shown),
        "names": all_names(shown),
    }
    empty = {"issuer_dn", "subject_dn", "unknown_extensions", "names"}
    kept = {name: value for name, value in found.items() if value or name not in empty}
    redacted = any(name.startswith("?") for name in found["names"])
    return kept | {"redacted": redacted}


def signature_algorithm(algorithm: bytes) -> dict[str, str]:
    """Return its name and identifier."""
    name = public_keys.signature_name(algorithm)
    return {"name": name, "oid": public_keys.algorithm_oid(algorithm)}


def is_self_signed(shown: Certificate) -> bool:
    """Say whether its own key made its signature."""
    if shown.issuer != shown.subject:
        return False
    from newel.crypto.loading import is_der_issued_by

    return is_der_issued_by(shown.der, shown.der)


def without_timestamps(shown: Certificate) -> bytes:
    """Return the TBSCertificate without SCTs, which precertificate and certificate share."""
    added = {json_extensions.POISON, json_extensions.TIMESTAMPS}
    if not any(extension.oid in added for extension in shown.extensions):
        return shown.tbs
    kept = [
        raw
        for raw, extension in zip(_raw_extensions(shown), shown.extensions, strict=True)
        if extension.oid not in added
    ]
    *fields, _ = der.split(der.only(shown.tbs).content)
    return der.sequence(*fields, *([der.explicit(3, der.sequence(*kept))] if kept else []))


def _raw_extensions(shown: Certificate) -> list[bytes]:
    wrapped = der.split(der.only(shown.tbs).content)[-1]
    return der.split(der.only(der.content(wrapped)).content)


def all_names(shown: Certificate) -> list[str]:
    """Return the common name and alternative names that are host names, addresses or URLs; each once."""
    found = names.parse_general_names(shown.extension(oids.SUBJECT_ALT_NAME))
    common = names.common_name(shown.subject)
    hosts = [common] if is_host(common) else []
    hosts += [name for name in found.dns if is_host(name) or "." not in name]
    return list(dict.fromkeys([*hosts, *found.uris, *found.addresses]))


def is_host(name: str) -> bool:
    """Say whether a text is written like a host name, with or without a wildcard."""
    bare = name[2:] if name.startswith(("*.", "?.")) else name
    letters = bare.replace("-", "").replace(".", "").replace("_", "")
    return "." in bare and letters.isalnum() and not bare.startswith((".", "-"))
