"""X.509 certificates without the running authority: new ones, and successors for the same key or another."""

import datetime as dt
import secrets
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from newel.cli.errors import CliError
from newel.cli.interact.terminal import say
from newel.cli.operations import certificate_requests
from newel.cli.operations.offline import rules
from newel.cli.operations.offline.authority_files import AuthorityFiles
from newel.cli.operations.renewal.leaf import read_leaf
from newel.cli.operations.tokens import provisioner_choice, token_requests
from newel.client.clock import now

if TYPE_CHECKING:
    from cryptography import x509

    from newel.cli.operations.template_data import TemplateData
    from newel.cli.operations.tokens.token_options import TokenOptions
    from newel.crypto.keys import PrivateKey, PublicKey
    from newel.durations.go import TimeDuration


class RenewalKeys(NamedTuple):
    """The authority's ca.json, and what opens its key and the certificate's own."""

    configuration: Path
    password_file: str | None = None
    ca_password_file: str | None = None
    kms: str | None = None


def issue(
    options: "TokenOptions",
    key: "PrivateKey | PublicKey",
    subject: str,
    sans: Sequence[str],
    validity: "tuple[TimeDuration, TimeDuration]",
    template_data: "TemplateData",
) -> bytes:
    """Return the chain for a key; it takes the provisioner's key and the authority's. Raises CliError."""
    from cryptography import x509
    from cryptography.hazmat.primitives.serialization import Encoding
    from cryptography.x509.oid import NameOID

    from newel.crypto.keys import PrivateKey

    files = AuthorityFiles.read(options.authority.configuration)
    chosen = provisioner_choice.choose(options, files.provisioners, ("JWK", "X5C"))
    found = rules.rules_for(files, chosen)
    found.check_issuance("x509")
    place = token_requests.Place([], f"https://{files.host}", "")
    token = token_requests.issue(
        options, "sign", subject, place=place, provisioner=chosen, sans=sans
    )
    time = now()
    begin = validity[0].resolve(time)
    end = validity[1].resolve(begin or time)
    latest = rules.end_of_credential(options, chosen)
    start, end = found.validity("TLS", time, begin, end, latest)
    public = key.public_key() if isinstance(key, PrivateKey) else key
    issuer, issuer_key = issuer_of(files, options.ca_password_file)
    if (chosen.get("options") or {}).get("x509"):
        from newel.cli.operations.certificates import sources
        from newel.cli.operations.offline import templated

        by = (issuer, issuer_key)
        data = template_data.read()
        made = templated.issue(data, chosen, token, public, (subject, sans), (start, end), by)
        if made is not None:
            say("CA", str(files.path))
            return sources.pem(made).encode() + issuer.public_bytes(Encoding.PEM)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, subject)])
    builder = x509.CertificateBuilder().subject_name(name).public_key(public)
    for value, critical in leaf_extensions(public, sans, chosen):
        builder = builder.add_extension(value, critical)
    say("CA", str(files.path))
    certificate = sign(builder, issuer, issuer_key, start, end)
    return certificate + issuer.public_bytes(Encoding.PEM)


def renew(
    options: RenewalKeys, certificate: str, key_file: str, new_key: "PublicKey | None" = None
) -> bytes:
    """Return the chain of a certificate file's successor: serial, validity and perhaps the key are new."""
    from cryptography import x509
    from cryptography.hazmat.primitives.serialization import Encoding

    from newel.cli.operations.keys.signing_keys import signing_key
    from newel.cli.operations.tokens.one_time_tokens import check_pair
    from newel.crypto import loading

    files = AuthorityFiles.read(options.configuration)
    leaf = read_leaf(certificate)
    own = signing_key(key_file, options.password_file, options.kms)
    check_pair(leaf.chain[0], own, certificate, key_file)
    old = loading.load_certificate(leaf.chain[0])
    found = rules.rules_for(files, provisioner_of(old, files))
    found.check_renewal(leaf.not_before, leaf.not_after, now())
    issuer, issuer_key = issuer_of(files, options.ca_password_file)
    try:
        old.verify_directly_issued_by(issuer)
    except Exception:  # noqa: BLE001 - whichever way it fails, it is not ours to renew
        raise CliError("the certificate was not issued by this authority") from None
    builder = x509.CertificateBuilder().subject_name(old.subject)
    builder = builder.public_key(new_key or old.public_key())
    for extension in loading.read_extensions(old):
        value = extension.value
        if new_key and isinstance(value, x509.SubjectKeyIdentifier):
            value = x509.SubjectKeyIdentifier.from_public_key(new_key)
        if not isinstance(value, x509.AuthorityKeyIdentifier):
            builder = builder.add_extension(value, extension.critical)
    start = now() - found.backdate
    new = sign(builder, issuer, issuer_key, start, start + leaf.lifetime)
    return new + issuer.public_bytes(Encoding.PEM)


def provisioner_of(
    certificate: "x509.Certificate", files: AuthorityFiles
) -> provisioner_choice.Provisioner:
    """Return who let a certificate through, as it says itself; {} when it does not. Raises CliError."""
    from cryptography import x509

    from newel.crypto import loading
    from newel.step import extension

    try:
        value = (
            loading.read_extensions(certificate)
            .get_extension_for_oid(x509.ObjectIdentifier(extension.OID))
            .value
        )
    except x509.ExtensionNotFound:
        return {}
    name = extension.ProvisionerExtension.decode(value.public_bytes()).name
    for each in files.provisioners:
        if provisioner_choice.has_name(each, name):
            return each
    raise CliError(f"the provisioner '{name}' of the certificate is not in {files.path}")


def issuer_of(
    files: AuthorityFiles, password_file: str | None
) -> tuple["x509.Certificate", "PrivateKey"]:
    """Return the intermediate and its key. Raises CliError when they do not belong together."""
    from newel.crypto import loading

    text, key = files.issuer(password_file)
    try:
        certificate = loading.load_pem_certificates(text.encode())[0]
    except ValueError as error:
        raise CliError(f"error parsing {files.config.get('crt')}: {error}") from None
    if certificate.public_key() != key.public_key():
        raise CliError("the authority's key is not the key of its certificate")
    return certificate, key


def sign(
    builder: "x509.CertificateBuilder",
    issuer: "x509.Certificate",
    key: "PrivateKey",
    start: dt.datetime,
    end: dt.datetime,
) -> bytes:
    """Return the signed certificate, PEM, with a random serial."""
    from cryptography import x509
    from cryptography.hazmat.primitives import serialization

    from newel.client.csr import digest_for
    from newel.crypto import loading

    ski = loading.read_extensions(issuer).get_extension_for_class(x509.SubjectKeyIdentifier).value
    builder = (
        builder.issuer_name(issuer.subject)
        .serial_number(secrets.randbits(127) | 1 << 126)
        .not_valid_before(start.replace(microsecond=0))
        .not_valid_after(end.replace(microsecond=0))
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(ski), critical=False
        )
    )
    return builder.sign(key, digest_for(key)).public_bytes(serialization.Encoding.PEM)


def leaf_extensions(
    key: "PublicKey", sans: Sequence[str], provisioner: provisioner_choice.Provisioner
) -> "list[tuple[x509.ExtensionType, bool]]":
    """Return the default extensions of a leaf, with the one that names its provisioner."""
    from cryptography import x509
    from cryptography.hazmat.primitives.asymmetric import rsa
    from cryptography.x509.oid import ExtendedKeyUsageOID as Usage

    from newel.step import extension

    usage = x509.KeyUsage(
        digital_signature=True,
        content_commitment=False,
        data_encipherment=False,
        key_encipherment=isinstance(key, rsa.RSAPublicKey),
        key_agreement=False,
        key_cert_sign=False,
        crl_sign=False,
        encipher_only=False,
        decipher_only=False,
    )
    by = provisioner_choice.extension_of(provisioner)
    return [
        (usage, True),
        (x509.ExtendedKeyUsage([Usage.SERVER_AUTH, Usage.CLIENT_AUTH]), False),
        (x509.SubjectKeyIdentifier.from_public_key(key), False),
        (x509.SubjectAlternativeName([certificate_requests.general_name(s) for s in sans]), False),
        (x509.UnrecognizedExtension(x509.ObjectIdentifier(extension.OID), by), False),
    ]
