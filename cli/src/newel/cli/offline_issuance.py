"""Certificates made from an authority's own files while it is not running (--offline).

Nothing records them, so an authority that records what it issues refuses: ask it online.
"""

import datetime as dt
import secrets
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from newel.cli import certificate_requests, file_sets, provisioner_choice, token_requests
from newel.cli.authority_files import AuthorityFiles
from newel.cli.errors import CliError, UsageError
from newel.cli.leaf_facts import read_leaf
from newel.cli.moments import resolved
from newel.cli.terminal import note, say
from newel.client.clock import now

if TYPE_CHECKING:
    from cryptography import x509

    from newel.cli.invocation import Invocation
    from newel.crypto.keys import PrivateKey, PublicKey

DEFAULTS = {
    "minTLSCertDuration": "5m",
    "maxTLSCertDuration": "24h",
    "defaultTLSCertDuration": "24h",
}
BACKDATE = dt.timedelta(minutes=1)


def issue(
    call: "Invocation", key: "PrivateKey | PublicKey", subject: str, sans: Sequence[str]
) -> bytes:
    """The chain for a key: whoever opens provisioner and authority key may have it. Raises CliError."""
    from cryptography import x509
    from cryptography.hazmat.primitives.serialization import Encoding
    from cryptography.x509.oid import NameOID

    from newel.crypto.keys import PrivateKey

    files = recorded_nowhere(call)
    provisioner = provisioner_choice.choose(call, files.provisioners, ("JWK", "X5C"))
    place = token_requests.Place([], f"https://{files.host}", "")
    token_requests.issue(call, "sign", subject, place=place, provisioner=provisioner, sans=sans)
    start, end = validity(call, files, provisioner)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, subject)])
    public = key.public_key() if isinstance(key, PrivateKey) else key
    builder = x509.CertificateBuilder().subject_name(name).public_key(public)
    for value, critical in leaf_extensions(public, sans, provisioner):
        builder = builder.add_extension(value, critical)
    issuer, issuer_key = issuer_of(call, files)
    say("CA", str(files.path))
    certificate = sign(builder, issuer, issuer_key, start, end)
    return certificate + issuer.public_bytes(Encoding.PEM)


def renew(call: "Invocation", certificate: str, key_file: str) -> None:
    """Renews a certificate file: everything stays but serial and validity."""
    from cryptography import x509
    from cryptography.hazmat.primitives.serialization import Encoding

    from newel.cli.key_files import private_key
    from newel.cli.one_time_tokens import check_pair

    files = recorded_nowhere(call)
    leaf = read_leaf(certificate)
    check_pair(leaf.chain[0], private_key(key_file), certificate, key_file)
    out = call.get("out") or certificate
    file_sets.allow([out], force=call.on("force"))
    old = x509.load_der_x509_certificate(leaf.chain[0])
    issuer, issuer_key = issuer_of(call, files)
    try:
        old.verify_directly_issued_by(issuer)
    except Exception:  # noqa: BLE001 - whichever way it fails, it is not ours to renew
        raise CliError("the certificate was not issued by this authority") from None
    if leaf.not_after <= now():
        raise CliError("error renewing certificate: the certificate has expired")
    builder = x509.CertificateBuilder().subject_name(old.subject).public_key(old.public_key())
    for extension in old.extensions:
        if not isinstance(extension.value, x509.AuthorityKeyIdentifier):
            builder = builder.add_extension(extension.value, extension.critical)
    start = now() - BACKDATE
    new = sign(builder, issuer, issuer_key, start, start + leaf.lifetime)
    file_sets.write_all([file_sets.Target(out, new + issuer.public_bytes(Encoding.PEM))])
    note(f"Your certificate has been saved in {out}.")


def recorded_nowhere(call: "Invocation") -> AuthorityFiles:
    """The authority's files, unless it is one that keeps a record of every certificate."""
    files = AuthorityFiles.read(call)
    if files.config.get("newel") is not None:
        raise CliError(
            "this authority records every certificate it issues: start it and ask without --offline"
        )
    return files


def issuer_of(call: "Invocation", files: AuthorityFiles) -> tuple["x509.Certificate", "PrivateKey"]:
    """The intermediate and its key. Raises CliError when they do not belong together."""
    from cryptography import x509

    text, key = files.issuer(call)
    try:
        certificate = x509.load_pem_x509_certificates(text.encode())[0]
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
    """The signed certificate, PEM, with a random serial."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ed25519

    ski = issuer.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
    builder = (
        builder.issuer_name(issuer.subject)
        .serial_number(secrets.randbits(127) | 1 << 126)
        .not_valid_before(start.replace(microsecond=0))
        .not_valid_after(end.replace(microsecond=0))
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(ski), critical=False
        )
    )
    digest: Any = None if isinstance(key, ed25519.Ed25519PrivateKey) else hashes.SHA256()
    return builder.sign(key, digest).public_bytes(serialization.Encoding.PEM)


def leaf_extensions(
    key: "PublicKey", sans: Sequence[str], provisioner: dict[str, Any]
) -> "list[tuple[x509.ExtensionType, bool]]":
    """What a leaf has by default, and who let it through."""
    from cryptography import x509
    from cryptography.hazmat.primitives.asymmetric import rsa
    from cryptography.x509.oid import ExtendedKeyUsageOID as Usage

    from newel.step import extension

    usage = x509.KeyUsage(
        digital_signature=True, content_commitment=False, data_encipherment=False,
        key_encipherment=isinstance(key, rsa.RSAPublicKey), key_agreement=False,
        key_cert_sign=False, crl_sign=False, encipher_only=False, decipher_only=False,
    )  # fmt: skip
    kid = str(provisioner_choice.key_of(provisioner).get("kid") or "")
    kind = extension.ProvisionerType[str(provisioner["type"])]
    by = extension.ProvisionerExtension(kind, str(provisioner["name"]), kid)
    return [
        (usage, True),
        (x509.ExtendedKeyUsage([Usage.SERVER_AUTH, Usage.CLIENT_AUTH]), False),
        (x509.SubjectKeyIdentifier.from_public_key(key), False),
        (x509.SubjectAlternativeName([certificate_requests.general_name(s) for s in sans]), False),
        (x509.UnrecognizedExtension(x509.ObjectIdentifier(extension.OID), by.encode()), False),
    ]


def validity(
    call: "Invocation", files: AuthorityFiles, provisioner: dict[str, Any]
) -> tuple[dt.datetime, dt.datetime]:
    """Start and end, within what provisioner and authority allow."""
    from newel.step.durations import format_duration, parse_duration

    authority = files.config.get("authority") or {}
    claims = DEFAULTS | (authority.get("claims") or {}) | (provisioner.get("claims") or {})
    shortest, longest, default = (parse_duration(str(claims[name])) for name in DEFAULTS)
    moment = now()
    begin = resolved(call, "not-before", moment) or moment
    end = resolved(call, "not-after", moment) or begin + default
    asked = end - begin
    if not shortest <= asked <= longest:
        raise UsageError(
            f"requested duration of {format_duration(asked)} is outside of what is allowed: "
            f"{format_duration(shortest)} to {format_duration(longest)}"
        )
    return begin - BACKDATE, end
