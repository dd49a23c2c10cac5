"""Leaves built by the library, without the issuer's private key: the oracle for the hand-joined.

The library signs with any object that is a private key by its class, so a *stand-in* with the
issuer's public key and a ``sign`` that returns a dummy yields exactly the octets to be signed.
"""

import datetime as dt
from collections.abc import Iterable, Sequence
from typing import Any, NoReturn

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.x509.oid import AuthorityInformationAccessOID

from newel.crypto import certificate, extensions, keys, names, serials
from newel.crypto.certificate import LeafEncoder

_DUMMY = b"\x00"


class _NoPrivateHalf:
    """What every stand-in refuses."""

    def private_bytes(self, *_: Any, **__: Any) -> NoReturn:
        raise NotImplementedError("a stand-in has no private half")

    private_numbers = private_bytes_raw = exchange = decrypt = private_bytes

    def __copy__(self) -> Any:
        return self

    def __deepcopy__(self, memo: Any) -> Any:
        return self


class _StandInEC(_NoPrivateHalf, ec.EllipticCurvePrivateKey):
    def __init__(self, public: ec.EllipticCurvePublicKey) -> None:
        self._public = public

    def public_key(self) -> ec.EllipticCurvePublicKey:
        return self._public

    @property
    def curve(self) -> ec.EllipticCurve:
        return self._public.curve

    @property
    def key_size(self) -> int:
        return self._public.key_size

    def sign(self, data: Any, signature_algorithm: Any) -> bytes:  # noqa: ARG002 - its interface
        return _DUMMY


class _StandInRSA(_NoPrivateHalf, rsa.RSAPrivateKey):
    def __init__(self, public: rsa.RSAPublicKey) -> None:
        self._public = public

    def public_key(self) -> rsa.RSAPublicKey:
        return self._public

    @property
    def key_size(self) -> int:
        return self._public.key_size

    def sign(self, data: Any, padding: Any, algorithm: Any) -> bytes:  # noqa: ARG002 - as above
        return _DUMMY


class _StandInEd25519(_NoPrivateHalf, ed25519.Ed25519PrivateKey):
    def __init__(self, public: ed25519.Ed25519PublicKey) -> None:
        self._public = public

    def public_key(self) -> ed25519.Ed25519PublicKey:
        return self._public

    def sign(self, data: Any) -> bytes:  # noqa: ARG002 - as above
        return _DUMMY


def stand_in_key(public_key: keys.PublicKey) -> keys.PrivateKey:
    """A key for the library's builders whose signatures are dummies."""
    if isinstance(public_key, ec.EllipticCurvePublicKey):
        return _StandInEC(public_key)
    if isinstance(public_key, rsa.RSAPublicKey):
        return _StandInRSA(public_key)
    return _StandInEd25519(public_key)


def signature_hash(
    public_key: keys.PublicKey,
) -> hashes.SHA256 | hashes.SHA384 | hashes.SHA512 | None:
    """The hash the library is to be told for this key; the same that :func:`keys.sign` uses."""
    if isinstance(public_key, ec.EllipticCurvePublicKey):
        by_size = {256: hashes.SHA256(), 384: hashes.SHA384(), 521: hashes.SHA512()}
        return by_size[public_key.key_size]
    return hashes.SHA256() if isinstance(public_key, rsa.RSAPublicKey) else None


def library_tbs(
    encoder: LeafEncoder,
    serial: bytes,
    subject: bytes,
    spki: bytes,
    general_names: Sequence[names.GeneralName],
    not_before: dt.datetime,
    not_after: dt.datetime,
    extra_extensions: Sequence[extensions.Extension] = (),
) -> bytes:
    """What :meth:`LeafEncoder.tbs` makes of the same arguments, made by ``CertificateBuilder``."""
    issuer_key = encoder.issuer.public_key()
    public_key = keys.load_public_key(spki)
    assert isinstance(issuer_key, keys.PublicKey)  # noqa: S101 - the encoder refused others
    subject_name = x509.Name.from_bytes(subject)
    builder = (
        x509.CertificateBuilder()
        .issuer_name(encoder.issuer.subject)
        .subject_name(subject_name)
        .public_key(public_key)
        .serial_number(serials.to_int(serial))
        .not_valid_before(not_before)
        .not_valid_after(not_after)
    )
    for value, critical in _extensions(encoder, public_key, general_names, not list(subject_name)):
        builder = builder.add_extension(value, critical)
    for extra in extra_extensions:
        unknown = x509.UnrecognizedExtension(x509.ObjectIdentifier(extra.oid), extra.value)
        builder = builder.add_extension(unknown, extra.critical)
    built = builder.sign(stand_in_key(issuer_key), signature_hash(issuer_key))
    return built.tbs_certificate_bytes


def _extensions(
    encoder: LeafEncoder,
    public_key: keys.PublicKey,
    general_names: Sequence[names.GeneralName],
    nameless: bool,
) -> Iterable[tuple[x509.ExtensionType, bool]]:
    profile = encoder.profile
    rsa_key = isinstance(public_key, rsa.RSAPublicKey)
    yield _key_usage(profile.rsa_key_usage if rsa_key else profile.key_usage), True
    if profile.extended_key_usage:
        purposes = map(x509.ObjectIdentifier, profile.extended_key_usage)
        yield x509.ExtendedKeyUsage(purposes), False
    yield x509.SubjectKeyIdentifier.from_public_key(public_key), False
    issuer_identifier = certificate.issuer_key_identifier(encoder.issuer)
    yield x509.AuthorityKeyIdentifier(issuer_identifier, None, None), False
    if encoder.ocsp or encoder.ca_issuers:
        method = AuthorityInformationAccessOID
        points = [(method.OCSP, url) for url in encoder.ocsp]
        points += [(method.CA_ISSUERS, url) for url in encoder.ca_issuers]
        yield (
            x509.AuthorityInformationAccess(
                x509.AccessDescription(oid, x509.UniformResourceIdentifier(url))
                for oid, url in points
            ),
            False,
        )
    if encoder.crl:
        yield (
            x509.CRLDistributionPoints(
                x509.DistributionPoint([x509.UniformResourceIdentifier(url)], None, None, None)
                for url in encoder.crl
            ),
            False,
        )
    if general_names:
        yield x509.SubjectAlternativeName(map(library_name, general_names)), nameless


def _key_usage(usages: Sequence[str]) -> x509.KeyUsage:
    return x509.KeyUsage(*[usage in usages for usage in extensions.KEY_USAGES])


def library_name(name: names.GeneralName) -> x509.GeneralName:
    """The library's value for one of our names."""
    match name:
        case names.DnsName():
            return x509.DNSName(name.value)
        case names.IpAddress():
            return x509.IPAddress(name.value)
        case names.EmailAddress():
            return x509.RFC822Name(name.value)
        case names.Uri():
            return x509.UniformResourceIdentifier(name.value)
