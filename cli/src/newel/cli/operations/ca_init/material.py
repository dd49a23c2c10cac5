"""The keys and certificates of a new authority: made here, or taken over from one that exists."""

import datetime as dt
import secrets
from typing import TYPE_CHECKING, NamedTuple

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from newel.cli.errors import CliError
from newel.cli.operations.certificates.sources import from_file
from newel.cli.operations.keys.key_files import private_key
from newel.client.clock import now
from newel.crypto import loading
from newel.crypto.authority_chain import find_chain
from newel.step.fingerprint import fingerprint

if TYPE_CHECKING:
    from newel.cli.operations.ca_init.init_options import InitOptions
    from newel.crypto.keys import PrivateKey, PublicKey

LIFETIME = dt.timedelta(days=3650)


class Signer(NamedTuple):
    """A certificate with its key; None where the key is kept elsewhere."""

    certificate: x509.Certificate
    key: "PrivateKey | None"
    above: tuple[x509.Certificate, ...] = ()
    """Those between it and the root."""

    @property
    def pem(self) -> bytes:
        """Its certificate and those above it."""
        return b"".join(each.public_bytes(Encoding.PEM) for each in (self.certificate, *self.above))


class Issuer(NamedTuple):
    """Who signs: a name, a key, and the certificate the key belongs to where there is one already."""

    name: x509.Name
    key: "PrivateKey"
    certificate: x509.Certificate | None


class Material(NamedTuple):
    """Root and intermediate, and the SSH authority's keys where they were asked for.

    A registration authority has no intermediate.
    """

    root: Signer
    intermediate: Signer | None
    ssh_host: "PrivateKey | None" = None
    ssh_user: "PrivateKey | None" = None

    @property
    def fingerprint(self) -> str:
        """SHA-256 of the root, hex."""
        return fingerprint(self.root.certificate.public_bytes(Encoding.DER))


def new_key() -> "PrivateKey":
    """P-256."""
    return ec.generate_private_key(ec.SECP256R1())


def new_root(name: str) -> Signer:
    """Return a self-signed root for ten years, with room for one level below."""
    key = new_key()
    subject = distinguished_name(name, "Root CA")
    certificate = authority(subject, key.public_key(), 1, Issuer(subject, key, None))
    return Signer(certificate, key)


def new_intermediate(name: str, root: Signer) -> Signer:
    """Return an issuing authority below the root, as long-lived as the root allows."""
    if root.key is None:
        raise CliError("the root's key is needed to make an intermediate: name it by '--key'")
    key = new_key()
    issuer = Issuer(root.certificate.subject, root.key, root.certificate)
    subject = distinguished_name(name, "Intermediate CA")
    return Signer(authority(subject, key.public_key(), 0, issuer), key)


def distinguished_name(name: str, role: str) -> x509.Name:
    """``O=<name>, CN=<name> <role>``."""
    try:
        return x509.Name(
            [
                x509.NameAttribute(NameOID.ORGANIZATION_NAME, name),
                x509.NameAttribute(NameOID.COMMON_NAME, f"{name} {role}"),
            ]
        )
    except ValueError as error:
        raise CliError(f"'{name}' cannot name a PKI: {error}") from None


def authority(
    subject: x509.Name, key: "PublicKey", path_length: int, issuer: Issuer
) -> x509.Certificate:
    """Return a CA certificate: basicConstraints and keyUsage critical, key identifiers by SHA-1."""
    start = now().replace(microsecond=0)
    end = start + LIFETIME
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer.name)
        .public_key(key)
        .serial_number(secrets.randbits(127) | 1 << 126)
        .not_valid_before(start)
        .add_extension(usage(), critical=True)
        .add_extension(x509.BasicConstraints(ca=True, path_length=path_length), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
    )
    if issuer.certificate is not None:
        end = min(end, issuer.certificate.not_valid_after_utc)
        builder = builder.add_extension(issuer_identifier(issuer.certificate), critical=False)
    digest = None if isinstance(issuer.key, ed25519.Ed25519PrivateKey) else hashes.SHA256()
    return builder.not_valid_after(end).sign(issuer.key, digest)


def usage() -> x509.KeyUsage:
    """KeyCertSign and cRLSign."""
    return x509.KeyUsage(
        digital_signature=False,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=True,
        crl_sign=True,
        encipher_only=False,
        decipher_only=False,
    )


def issuer_identifier(issuer: x509.Certificate) -> x509.AuthorityKeyIdentifier:
    """Return the issuer's own key identifier, or one computed where it has none."""
    try:
        known = (
            loading.read_extensions(issuer).get_extension_for_class(x509.SubjectKeyIdentifier).value
        )
    except x509.ExtensionNotFound:
        known = x509.SubjectKeyIdentifier.from_public_key(issuer.public_key())
    return x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(known)


def read_authority(
    certificate_file: str, key_file: str | None, password_file: str | None = None
) -> Signer:
    """Return a certification authority out of files; its key must fit. Raises CliError."""
    try:
        certificate = loading.load_certificate(from_file(certificate_file)[0].der)
    except ValueError as error:
        raise CliError(f"error parsing {certificate_file}: {error}") from None
    if not is_authority(certificate):
        raise CliError(f"{certificate_file} is no certificate of an authority")
    if certificate.not_valid_after_utc <= now():
        raise CliError(f"the certificate {certificate_file} has expired")
    if not key_file:
        return Signer(certificate, None)
    key = private_key(key_file, password_file)
    if key.public_key() != certificate.public_key():
        raise CliError(f"the key {key_file} is not the key of the certificate {certificate_file}")
    return Signer(certificate, key)


def is_authority(certificate: x509.Certificate) -> bool:
    """Say whether basicConstraints says so."""
    try:
        return (
            loading.read_extensions(certificate)
            .get_extension_for_class(x509.BasicConstraints)
            .value.ca
        )
    except (x509.ExtensionNotFound, ValueError):
        return False


def read_intermediate(options: "InitOptions", root: Signer) -> Signer:
    """Return the intermediate of --intermediate, with those of its file that lead to the root."""
    name = str(options.intermediate)
    found = read_authority(name, str(options.intermediate_key), options.password_file)
    try:
        chain = find_chain(
            [each.der for each in from_file(name)], [root.certificate.public_bytes(Encoding.DER)]
        )
    except ValueError as error:
        raise CliError(f"{name} does not lead to the root: {error}") from None
    if chain.certificates[0] != found.certificate:
        raise CliError(f"{name} does not begin with the intermediate's own certificate")
    return found._replace(above=chain.certificates[1:])


def request(name: str, key: "PrivateKey") -> bytes:
    """Return a PEM request for the intermediate, which asks to be an authority."""
    builder = (
        x509.CertificateSigningRequestBuilder()
        .subject_name(distinguished_name(name, "Intermediate CA"))
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(usage(), critical=True)
    )
    return builder.sign(key, hashes.SHA256()).public_bytes(Encoding.PEM)
