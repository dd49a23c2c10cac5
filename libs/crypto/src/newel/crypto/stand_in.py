"""Leaves built by the library, without the issuer's private key: the oracle for the hand-joined.

A *stand-in* with the issuer's public key whose signatures are dummies yields exactly the octets to be signed.
"""

import datetime as dt
from collections.abc import Iterable, Sequence

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import AuthorityInformationAccessOID

from newel.crypto import certificate, extensions, keys, names, serials
from newel.crypto.certificate import LeafEncoder
from newel.crypto.remote_keys import remote_key

_DUMMY = b"\x00"


def stand_in_key(public_key: keys.PublicKey) -> keys.PrivateKey:
    """A key for the library's builders whose signatures are dummies."""
    return remote_key(public_key, _dummy)


def _dummy(*_: object) -> bytes:
    return _DUMMY


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
        case names.DNSName():
            return x509.DNSName(name.value)
        case names.IPAddress():
            return x509.IPAddress(name.value)
        case names.EmailAddress():
            return x509.RFC822Name(name.value)
        case names.URI():
            return x509.UniformResourceIdentifier(name.value)
