"""Certificates made from local keys: leaves, authorities, and whatever a request asks for."""

import datetime as dt
import secrets
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from newel.cli.errors import CliError, UsageError
from newel.cli.operations.certificates import signature_choice
from newel.crypto import certificate, distinguished_names, extensions, keys, names, serials
from newel.crypto.dns_names import InvalidNameError, NameRules
from newel.crypto.extensions import Extension
from newel.crypto.keys import PrivateKey, PublicKey

LENIENT = NameRules(underscores=True)
DAY = dt.timedelta(days=1)
TEN_YEARS = dt.timedelta(days=3650)
_RSA = b"\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01"


class Issuer(NamedTuple):
    """Who signs: the Name, the identifier of the key (b"" when it has none) and the key."""

    name: bytes
    key_id: bytes
    key: PrivateKey


class CertificateSpec(NamedTuple):
    """What is certified: a Name, a SubjectPublicKeyInfo, the validity and the extensions, all but identifiers."""

    subject: bytes
    spki: bytes
    not_before: dt.datetime
    not_after: dt.datetime
    extensions: tuple[Extension, ...]
    given: tuple[Extension, ...] = ()
    """What a template gives in DER, behind all others."""
    serial: int | None = None
    algorithm: str | None = None
    """The name of the signature's algorithm; the key's own without one."""


def issue(wanted: CertificateSpec, issuer: Issuer) -> bytes:
    """Return the certificate in DER, with both key identifiers and a verified signature.

    The serial number is random where none is wanted. A certificate whose issuer has its own name has no
    authority key identifier (RFC 5280 §4.2.1.1). Extensions of the request win over the ones made
    here. Raises CliError.
    """
    present = {each.oid for each in (*wanted.extensions, *wanted.given)}
    own = extensions.subject_key_identifier(keys.key_identifier(wanted.spki))
    added = [] if extensions.SUBJECT_KEY_IDENTIFIER in present else [own]
    listed = wanted.extensions
    if issuer.key_id and issuer.name != wanted.subject:
        own_id = extensions.AUTHORITY_KEY_IDENTIFIER
        listed = tuple(each for each in listed if each.oid != own_id)
        if own_id not in {each.oid for each in wanted.given}:
            added.append(extensions.authority_key_identifier(issuer.key_id))
    signer = signature_choice.choose(wanted.algorithm, issuer.key)
    try:
        tbs = certificate.encode_tbs(
            serials.from_int(wanted.serial or secrets.randbits(128) or 1),
            signer.algorithm,
            issuer.name,
            (wanted.not_before.replace(microsecond=0), wanted.not_after.replace(microsecond=0)),
            wanted.subject,
            wanted.spki,
            [*in_order([*listed, *added]), *wanted.given],
        )
    except ValueError as error:
        raise CliError(f"error creating certificate: {error}") from None
    return certificate.assemble(tbs, signer.algorithm, signer.sign(tbs))


def in_order(listed: Iterable[Extension]) -> list[Extension]:
    """Return extensions in the customary order; others stay behind the ones that have a place."""
    places = (
        extensions.KEY_USAGE,
        extensions.EXTENDED_KEY_USAGE,
        extensions.BASIC_CONSTRAINTS,
        extensions.SUBJECT_KEY_IDENTIFIER,
        extensions.AUTHORITY_KEY_IDENTIFIER,
        extensions.AUTHORITY_INFORMATION_ACCESS,
        extensions.SUBJECT_ALT_NAME,
    )
    return sorted(listed, key=lambda each: places.index(each.oid) if each.oid in places else 99)


def subject(text: str) -> bytes:
    """Return a Name of one common name; an empty Name for an empty text."""
    try:
        return distinguished_names.encode([distinguished_names.common_name(text)] if text else [])
    except InvalidNameError as error:
        raise UsageError(f"invalid subject '{text}': {error}") from None


def leaf_extensions(spki: bytes, name: bytes, sans: Sequence[str]) -> tuple[Extension, ...]:
    """Return a TLS certificate's: signing, for servers and clients, with these names."""
    usages = ["digitalSignature", *(["keyEncipherment"] if _RSA in spki[:32] else [])]
    purposes = [extensions.SERVER_AUTH, extensions.CLIENT_AUTH]
    basic = (extensions.key_usage(usages), extensions.extended_key_usage(purposes))
    if not sans:
        return basic
    alternative = extensions.subject_alt_name(
        general_names(sans), critical=name == distinguished_names.EMPTY
    )
    return (*basic, alternative)


def authority_extensions(path_length: int | None) -> tuple[Extension, ...]:
    """Return an authority's: it signs certificates and revocation lists."""
    return (
        extensions.key_usage(["keyCertSign", "cRLSign"]),
        extensions.basic_constraints(ca=True, path_length=path_length),
    )


def general_names(sans: Sequence[str]) -> tuple[names.GeneralName, ...]:
    """Return names whose kind is told by their looks. Raises UsageError."""
    try:
        return names.parse_sans(sans, LENIENT)
    except InvalidNameError as error:
        raise UsageError(f"invalid value for flag '--san'; {error}") from None


def is_name(text: str) -> bool:
    """Say whether a text can be an alternative name."""
    try:
        names.parse_san(text, LENIENT)
    except InvalidNameError:
        return False
    return True


def same_key(one: PublicKey, other: PublicKey) -> bool:
    """Say whether two public keys are the same."""
    return keys.spki(one) == keys.spki(other)
