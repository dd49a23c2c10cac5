"""The fields of a recorded TBSCertificate that renewal copies verbatim."""

from dataclasses import dataclass
from functools import lru_cache

from newel.crypto import der, extensions, names
from newel.crypto.dns_names import STRICT, NameRules
from newel.crypto.extensions import Extension

# RFC 5280 §4.1: version, serial, algorithm, issuer, validity, subject, key, extensions
_ALGORITHM, _SUBJECT = 2, 5

# Written by the encoder, with authority information access; renewal copies every other extension.
_ENCODED_AGAIN = frozenset(
    der.oid(each)
    for each in (
        extensions.SUBJECT_KEY_IDENTIFIER,
        extensions.AUTHORITY_KEY_IDENTIFIER,
        extensions.CRL_DISTRIBUTION_POINTS,
    )
)
_ACCESS = extensions.AUTHORITY_INFORMATION_ACCESS
_KIND_OCTETS = 5
"""Octets of the identifiers above: of the arc 2.5.29, each with a number of one octet."""
_KEY_USAGE, _EXTENDED_KEY_USAGE = (
    der.oid(extensions.KEY_USAGE),
    der.oid(extensions.EXTENDED_KEY_USAGE),
)
_SUBJECT_ALT_NAME = der.oid(extensions.SUBJECT_ALT_NAME)


@dataclass(frozen=True, slots=True)
class Parts:
    """Subject and key as DER, the names, and the extensions to copy."""

    subject: bytes
    public_key: bytes
    names: tuple[names.GeneralName, ...]
    extensions: tuple[Extension, ...]
    usages: tuple[bytes, bytes]
    """The values of keyUsage and extKeyUsage, DER; empty where there is none."""


def read_parts(tbs: bytes, rules: NameRules = STRICT) -> Parts:
    """Read the parts of a recorded TBSCertificate, which is DER because it was linted.

    Raises :class:`newel.crypto.dns_names.InvalidNameError` for a name that today's ``rules`` refuse.
    """
    subject, public_key, *rest = der.split(der.content(tbs))[_SUBJECT:]
    found: list[Extension] = []
    usages = {_KEY_USAGE: b"", _EXTENDED_KEY_USAGE: b""}
    general_names: tuple[names.GeneralName, ...] = ()
    for each in der.split(der.content(der.content(rest[-1]))):
        kind = der.content(each)[:_KIND_OCTETS]
        if kind == _SUBJECT_ALT_NAME:
            octets = der.split(der.content(each))[-1]
            encoded = der.split(der.content(der.content(octets)))
            general_names = tuple(
                [names.from_certificate(n[0], der.content(n), rules) for n in encoded]
            )
        elif kind in usages:
            usages[kind] = _read_extension(each).value
        elif kind not in _ENCODED_AGAIN and (other := _read_extension(each)).oid != _ACCESS:
            found.append(other)
    kept = usages[_KEY_USAGE], usages[_EXTENDED_KEY_USAGE]
    return Parts(subject, public_key, general_names, tuple(found), kept)


@lru_cache(maxsize=1024)
def _read_extension(encoded: bytes) -> Extension:
    """Read an extension; cached, because all certificates of a provisioner have the same."""
    kind, *critical, octets = der.split(der.content(encoded))
    return Extension(der.decode_oid(der.content(kind)), bool(critical), der.content(octets))


def signature_algorithm(tbs: bytes) -> bytes:
    """Return the AlgorithmIdentifier of a recorded TBSCertificate; the outer one repeats it (§4.1.1.2)."""
    return der.split(der.content(tbs))[_ALGORITHM]
