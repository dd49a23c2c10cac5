"""Certificates and requests from a --template: the template says everything but the key and the times."""

import secrets
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from newel.certtemplates import certificates, variables
from newel.certtemplates.refusal import TemplateRefusedError
from newel.cli.errors import CliError, UsageError
from newel.cli.operations.certificates import (
    builder,
    issuers,
    signature_choice,
    sources,
    validity,
)
from newel.cli.operations.template_data import TemplateData
from newel.cli.store.files import read
from newel.client.clock import now
from newel.crypto import der, keys
from newel.gotemplate.budget import Environment

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Callable

    from newel.certtemplates.certificates import CertificateFields
    from newel.certtemplates.json_fields import Fields
    from newel.crypto.extensions import Extension
    from newel.crypto.keys import PrivateKey, PublicKey
    from newel.crypto.reader.certificates import Request
    from newel.gotemplate.values import Map

    Times = tuple[dt.datetime | None, dt.datetime | None]

EXTENSION_REQUEST = "1.2.840.113549.1.9.14"


class CreationOptions(NamedTuple):
    """What `certificate create` was told, besides the key and the subject."""

    template: str
    """The file of the template."""
    data: TemplateData
    san: Sequence[str] = ()
    csr: bool = False
    skip_csr_signature: bool = False
    bundle: bool = False
    ca: str | None = None
    ca_key: str | None = None
    ca_password_file: str | None = None
    ca_kms: str | None = None
    not_after: str | None = None


def create(
    options: CreationOptions, key: "PrivateKey | PublicKey", subject: str, times: "Times"
) -> bytes:
    """Return a certificate or request by a template, in PEM, with its issuer's certificate if bundled."""
    private = key if isinstance(key, keys.PrivateKey) else None
    spki = keys.spki(private.public_key() if private else key)  # pyright: ignore[reportArgumentType] # the other half
    data = variables_of(options, subject, spki)
    if options.csr:
        if private is None:
            raise UsageError("invalid value for flag --key: a private key is required")
        return request(fields_of(options.template, data, certificates.request), private)
    if private is None and not options.skip_csr_signature:
        raise UsageError("flag '--skip-csr-signature' is required with a public key")
    if bool(options.ca) != bool(options.ca_key):
        flag, other = ("ca", "ca-key") if options.ca else ("ca-key", "ca")
        raise UsageError(f"'--{flag}' requires the '--{other}' flag")
    fields = fields_of(options.template, data, certificates.certificate)
    wanted = build(fields, spki, validity.complete(options.not_after, *times, builder.DAY))
    if not options.ca or not options.ca_key:
        return self_sign(options, wanted, private)
    authority = issuers.first_certificate(options.ca)
    issuer = issuers.issuer_of(authority, options.ca_key, options.ca_password_file, options.ca_kms)
    pem = sources.pem(builder.issue(wanted, issuer))
    return (pem + (sources.pem(authority.der) if options.bundle else "")).encode()


def self_sign(
    options: CreationOptions, wanted: builder.CertificateSpec, key: "PrivateKey | None"
) -> bytes:
    """Return a certificate by its own key."""
    if options.bundle:
        raise UsageError("flag '--bundle' requires the '--ca' flag")
    if key is None:
        raise UsageError("invalid value for flag --key: a private key is required")
    own = keys.key_identifier(wanted.spki)
    return sources.pem(builder.issue(wanted, builder.Issuer(wanted.subject, own, key))).encode()


def certify(
    template: str,
    template_data: dict[str, Any],
    asked: "Request",
    names: list[str],
    length: int,
    times: "tuple[dt.datetime, dt.datetime]",
) -> builder.CertificateSpec:
    """Return what `certificate sign --template` certifies of a request."""
    insecure = {
        "CR": variables.request(asked.subject, asked.spki, crypto_extensions(asked)),
        "User": variables.numbers_as_go(template_data),
    }
    data = variables.variables(
        variables.subject(asked.subject),
        variables.alternative_names(names),
        insecure,
        MaxPathLen=length,
    )
    return build(fields_of(template, data, certificates.certificate), asked.spki, times)


def crypto_extensions(asked: "Request") -> "list[Extension]":
    """Return a request's extensions in the library's own form."""
    from newel.crypto.extensions import Extension

    return [Extension(each.oid, each.critical, each.value) for each in asked.extensions]


def variables_of(options: CreationOptions, subject: str, spki: bytes) -> "Map":
    """Return the template variables for the arguments."""
    named = not options.csr and not options.skip_csr_signature
    return visible(options.data.read(), subject, options.san or [subject], spki, named=named)


def visible(
    template_data: dict[str, Any], subject: str, sans: "Sequence[str]", spki: bytes, *, named: bool
) -> "Map":
    """Return the template variables for a request of the arguments, or of the key if not ``named``."""
    from newel.certtemplates.alternative_names import general_names
    from newel.certtemplates.json_fields import Fields
    from newel.crypto.extensions import SUBJECT_ALT_NAME, Extension

    name = builder.subject(subject if named else "")
    asked: list[Extension] = []
    if name != b"\x30\x00":
        try:
            names = general_names(Fields({"sans": [{"value": each} for each in sans]}))
            asked = [Extension(SUBJECT_ALT_NAME, False, der.sequence(*names))] if names else []
        except TemplateRefusedError:
            asked = []  # a subject such as "Root CA" is no name, and need not be one
    insecure: dict[str, Any] = {
        "CR": variables.request(name, spki, asked),
        "User": variables.numbers_as_go(template_data),
    }
    return variables.variables(
        variables.common_name(subject), variables.alternative_names(sans), insecure
    )


def fields_of(
    template: str, data: "Map", convert: "Callable[[Fields], CertificateFields]"
) -> "CertificateFields":
    """Return the fields that --template makes of the data."""
    try:
        source = read(template).decode()
    except UnicodeDecodeError:
        raise CliError("error parsing template: it is not UTF-8") from None
    try:
        return render(source, data, convert)
    except TemplateRefusedError as error:
        raise CliError(str(error)) from None


def render(
    source: str,
    data: "Map",
    convert: "Callable[[Fields], CertificateFields]" = certificates.certificate,
) -> "CertificateFields":
    """Return the fields that a template's text makes of the data. Raises TemplateRefusedError."""
    environment = Environment(now(), secrets.token_bytes)
    return convert(certificates.render(certificates.compile_template(source), data, environment))


def build(
    fields: "CertificateFields", spki: bytes, times: "tuple[dt.datetime, dt.datetime]"
) -> builder.CertificateSpec:
    """Return the certificate of these fields for a key and a time."""
    if fields.serial_number is not None and fields.serial_number <= 0:
        raise CliError("error creating certificate: x509: serial number must be positive")
    return builder.CertificateSpec(
        fields.subject,
        spki,
        *times,
        fields.extensions,
        fields.given,
        fields.serial_number,
        fields.signature_algorithm,
    )


def request(fields: "CertificateFields", key: "PrivateKey") -> bytes:
    """Return a request (RFC 2986) in PEM."""
    wanted = [each.der for each in (*fields.extensions, *fields.given)]
    asked = der.sequence(der.oid(EXTENSION_REQUEST), der.tlv(der.SET, der.sequence(*wanted)))
    info = der.sequence(
        der.integer(0),
        fields.subject,
        keys.spki(key.public_key()),
        der.explicit(0, asked if wanted else b""),
    )
    signer = signature_choice.choose(fields.signature_algorithm, key)
    made = der.sequence(info, signer.algorithm, der.bit_string(signer.sign(info)))
    return sources.pem(made, "CERTIFICATE REQUEST").encode()
