"""`newel certificate p12`: a key and its chain, or authorities alone, in one PKCS #12 file (RFC 7292)."""

from typing import TYPE_CHECKING

from newel.cli.errors import CliError, UsageError
from newel.cli.interact.terminal import ask_password, note
from newel.cli.operations.certificates import sources
from newel.cli.operations.keys import key_files
from newel.cli.store.files import read_password, write

if TYPE_CHECKING:
    from cryptography import x509
    from cryptography.hazmat.primitives.serialization import KeySerializationEncryption

    from newel.cli.options.records.certificate import CertificateP12Options


ROUNDS = 600_000
LEGACY_ROUNDS = 2048


def run(options: "CertificateP12Options") -> None:
    """Write the file: an identity with a key and chain, a trust store without."""
    words = options.positionals(1, 3)
    target, identity = words[0], words[1:]
    authorities = options.ca
    if len(identity) == 1:
        raise UsageError(f"missing positional argument <key_file> in '{options.command.usage}'")
    if not identity and not authorities:
        raise UsageError(
            "flag '--ca' must be provided when no <crt_path> and <key_path> are present"
        )
    check_flags(options)
    extra = [one for name in authorities for one in load_certificates(name)]
    encryption = choose_encryption(options, password_of(options))
    if identity:
        made = identity_store(identity[0], identity[1], extra, encryption)
    else:
        made = trust_store(extra, encryption)
    write(target, made, force=options.force)
    note(f"Your .p12 bundle has been saved as {target}.")


def check_flags(options: "CertificateP12Options") -> None:
    """Require --insecure for a file without a password."""
    if options.no_password and options.password_file:
        raise UsageError("flag '--no-password' is incompatible with '--password-file'")
    if options.no_password and not options.insecure:
        raise UsageError("flag '--no-password' requires the '--insecure' flag")


def password_of(options: "CertificateP12Options") -> bytes:
    """Return the password of the file, b"" for none."""
    if options.no_password:
        return b""
    name = options.password_file
    password = read_password(name) if name else ""
    return (password or ask_password("Please enter a password to encrypt the .p12 file")).encode()


def load_certificates(name: str) -> "list[x509.Certificate]":
    """Return the certificates of a file."""
    from newel.crypto import loading

    try:
        return [loading.load_certificate(one.der) for one in sources.from_file(name)]
    except ValueError as error:
        raise CliError(f"error reading CA certificate: {error}") from None


def choose_encryption(
    options: "CertificateP12Options", password: bytes
) -> "KeySerializationEncryption":
    """AES-256 and HMAC-SHA-256; with --legacy what old readers know: 3DES and SHA-1."""
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.serialization import NoEncryption, PrivateFormat, pkcs12

    if not password:
        return NoEncryption()
    builder = PrivateFormat.PKCS12.encryption_builder()
    if options.legacy:
        old = pkcs12.PBES.PBESv1SHA1And3KeyTripleDESCBC
        builder = builder.kdf_rounds(LEGACY_ROUNDS).key_cert_algorithm(old)
        return builder.hmac_hash(hashes.SHA1()).build(password)  # noqa: S303 - asked for by --legacy
    modern = pkcs12.PBES.PBESv2SHA256AndAES256CBC
    builder = builder.kdf_rounds(ROUNDS).key_cert_algorithm(modern)
    return builder.hmac_hash(hashes.SHA256()).build(password)


def identity_store(
    certificate: str,
    key_file: str,
    extra: "list[x509.Certificate]",
    encryption: "KeySerializationEncryption",
) -> bytes:
    """Return a key with its chain; the key must belong to the certificate."""
    from cryptography.hazmat.primitives.serialization import pkcs12

    from newel.crypto import keys

    leaf, *rest = load_certificates(certificate)
    key = key_files.private_key(key_file)
    own, certified = key.public_key(), leaf.public_key()
    if not isinstance(certified, keys.PublicKey) or keys.spki(own) != keys.spki(certified):
        raise CliError(f"the key in {key_file} does not belong to the certificate in {certificate}")
    return pkcs12.serialize_key_and_certificates(
        None, key, leaf, [*extra, *rest] or None, encryption
    )


def trust_store(
    authorities: "list[x509.Certificate]", encryption: "KeySerializationEncryption"
) -> bytes:
    """Return authorities in the form that Java's tools trust, each named by subject and fingerprint."""
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.serialization import pkcs12

    entries = [
        pkcs12.PKCS12Certificate(
            one,
            f"{one.subject.rfc4514_string()} - {one.fingerprint(hashes.SHA256()).hex()}".encode(),
        )
        for one in authorities
    ]
    return pkcs12.serialize_java_truststore(entries, encryption)
