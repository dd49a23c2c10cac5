"""A certificate as people read it: a few lines of names and values."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

from newel.crypto.loading import load_pem_certificates

_MAX_TEXT = 512


@dataclass(frozen=True, slots=True)
class DecodedCertificate:
    """One certificate of a chain."""

    title: str
    rows: Sequence[tuple[str, str]]


def decode_chain(pem: bytes) -> list[x509.Certificate]:
    """Return the certificates of a PEM chain, the leaf first. Raises ValueError."""
    return load_pem_certificates(pem)


def describe(certificate: x509.Certificate) -> DecodedCertificate:
    """Describe a certificate."""
    return DecodedCertificate(_name(certificate.subject) or "(no subject)", [*_rows(certificate)])


def _rows(certificate: x509.Certificate) -> Iterator[tuple[str, str]]:
    yield "Subject", certificate.subject.rfc4514_string()
    yield "Issuer", certificate.issuer.rfc4514_string()
    yield "Serial number", f"{certificate.serial_number:x}"
    yield "Not before", f"{certificate.not_valid_before_utc:%Y-%m-%d %H:%M:%S} UTC"
    yield "Not after", f"{certificate.not_valid_after_utc:%Y-%m-%d %H:%M:%S} UTC"
    yield "Public key", _describe_key(certificate)
    algorithm = certificate.signature_hash_algorithm
    yield "Signature", f"{certificate.signature_algorithm_oid._name}" if algorithm else "EdDSA"  # noqa: SLF001
    yield "SHA-256 fingerprint", certificate.fingerprint(hashes.SHA256()).hex()
    for extension in certificate.extensions:
        yield _title(extension), _value(extension.value)


def _title(extension: x509.Extension[x509.ExtensionType]) -> str:
    name = type(extension.value).__name__
    spaced = "".join(f" {char.lower()}" if char.isupper() else char for char in name).strip()
    if isinstance(extension.value, x509.UnrecognizedExtension):
        spaced = f"extension {extension.oid.dotted_string}"
    return spaced[:1].upper() + spaced[1:] + (" (critical)" if extension.critical else "")


def _value(value: x509.ExtensionType) -> str:
    for kind, show in _SHOWS.items():
        if isinstance(value, kind):
            return str(show(value))[:_MAX_TEXT]
    return value.public_bytes().hex()[:_MAX_TEXT]


def _usages(value: x509.KeyUsage) -> Iterator[str]:
    for name in (
        "digital_signature", "content_commitment", "key_encipherment", "data_encipherment",
        "key_agreement", "key_cert_sign", "crl_sign",
    ):  # fmt: skip # words in rows
        if getattr(value, name):
            yield name.replace("_", " ")


def _list_names(names: Iterable[x509.GeneralName]) -> str:
    return ", ".join(map(_general_name, names))


def _list_places(value: x509.CRLDistributionPoints) -> str:
    return _list_names(name for each in value for name in each.full_name or ())


def _general_name(name: x509.GeneralName) -> str:
    return str(name.value)


def _name(name: x509.Name) -> str:
    found = name.get_attributes_for_oid(x509.NameOID.COMMON_NAME)
    return str(found[0].value) if found else name.rfc4514_string()


def _describe_key(certificate: x509.Certificate) -> str:
    key = certificate.public_key()
    if isinstance(key, ec.EllipticCurvePublicKey):
        return f"EC {key.curve.name}"
    if isinstance(key, rsa.RSAPublicKey):
        return f"RSA {key.key_size} bits"
    if isinstance(key, ed25519.Ed25519PublicKey):
        return "Ed25519"
    return type(key).__name__


_SHOWS: dict[type[x509.ExtensionType], Callable[[Any], str]] = {
    x509.SubjectAlternativeName: _list_names,
    x509.KeyUsage: lambda value: ", ".join(_usages(value)),
    x509.ExtendedKeyUsage: lambda value: ", ".join(each._name for each in value),  # noqa: SLF001 - pyca has the names here only
    x509.BasicConstraints: lambda value: "certificate authority" if value.ca else "end entity",
    x509.SubjectKeyIdentifier: lambda value: value.digest.hex(),
    x509.AuthorityKeyIdentifier: lambda value: (value.key_identifier or b"").hex(),
    x509.AuthorityInformationAccess: lambda value: _list_names(
        each.access_location for each in value
    ),
    x509.CRLDistributionPoints: _list_places,
    x509.UnrecognizedExtension: lambda value: value.value.hex(),
}
