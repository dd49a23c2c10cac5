"""Certificates and requests from a --template: the template says everything but the key and the times."""

import secrets
from typing import TYPE_CHECKING, Any

from newel.certtemplates import certificates, variables
from newel.certtemplates.refusal import TemplateRefusedError
from newel.cli.errors import CliError, UsageError
from newel.cli.operations.certificates import builder, issuers, signature_choice, sources
from newel.cli.options import template_data, validity
from newel.cli.store.files import read
from newel.client.clock import now
from newel.crypto import der, keys
from newel.gotemplate.budget import Environment

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Callable, Sequence

    from newel.certtemplates.certificates import CertificateFields
    from newel.certtemplates.json_fields import Fields
    from newel.cli.options.invocation import Invocation
    from newel.crypto.extensions import Extension
    from newel.crypto.keys import PrivateKey, PublicKey
    from newel.crypto.reader.certificates import Request
    from newel.gotemplate.values import Map

    Times = tuple[dt.datetime | None, dt.datetime | None]

EXTENSION_REQUEST = "1.2.840.113549.1.9.14"


def created(
    call: "Invocation", key: "PrivateKey | PublicKey", subject: str, times: "Times"
) -> bytes:
    """What `certificate create --template` makes, in PEM; an issuer's certificate behind it with --bundle."""
    private = key if isinstance(key, keys.PrivateKey) else None
    spki = keys.spki(private.public_key() if private else key)  # pyright: ignore[reportArgumentType] # the other half
    data = variables_of(call, subject, spki)
    if call.on("csr"):
        if private is None:
            raise UsageError("invalid value for flag --key: a private key is required")
        return request(fields_of(call, data, certificates.request), private)
    if private is None and not call.on("skip-csr-signature"):
        raise UsageError("flag '--skip-csr-signature' is required with a public key")
    for flag, other in (("ca", "ca-key"), ("ca-key", "ca")):
        if call.get(flag) and not call.get(other):
            raise UsageError(f"'--{flag}' requires the '--{other}' flag")
    fields = fields_of(call, data, certificates.certificate)
    wanted = wanted_of(fields, spki, validity.completed(call, *times, builder.DAY))
    if not call.get("ca"):
        return self_signed(call, wanted, private)
    authority = issuers.first_certificate(call.require("ca"))
    password, service = call.get("ca-password-file"), call.get("ca-kms")
    issuer = issuers.issuer_of(authority, call.require("ca-key"), password, service)
    pem = sources.pem(builder.issued(wanted, issuer))
    return (pem + (sources.pem(authority.der) if call.on("bundle") else "")).encode()


def self_signed(call: "Invocation", wanted: builder.Wanted, key: "PrivateKey | None") -> bytes:
    """A certificate by its own key."""
    if call.on("bundle"):
        raise UsageError("flag '--bundle' requires the '--ca' flag")
    if key is None:
        raise UsageError("invalid value for flag --key: a private key is required")
    own = keys.key_identifier(wanted.spki)
    return sources.pem(builder.issued(wanted, builder.Issuer(wanted.subject, own, key))).encode()


def signed(
    call: "Invocation",
    asked: "Request",
    names: list[str],
    length: int,
    times: "tuple[dt.datetime, dt.datetime]",
) -> builder.Wanted:
    """What `certificate sign --template` certifies of a request."""
    insecure = {
        "CR": variables.request(asked.subject, asked.spki, crypto_extensions(asked)),
        "User": variables.numbers_as_go(template_data.given(call)),
    }
    data = variables.variables(
        variables.subject(asked.subject),
        variables.alternative_names(names),
        insecure,
        MaxPathLen=length,
    )
    return wanted_of(fields_of(call, data, certificates.certificate), asked.spki, times)


def crypto_extensions(asked: "Request") -> "list[Extension]":
    """A request's extensions in the library's own form."""
    from newel.crypto.extensions import Extension

    return [Extension(each.oid, each.critical, each.value) for each in asked.extensions]


def variables_of(call: "Invocation", subject: str, spki: bytes) -> "Map":
    """What a template can see of the arguments."""
    named = not call.on("csr") and not call.on("skip-csr-signature")
    return visible(call, subject, call.all("san") or [subject], spki, named=named)


def visible(
    call: "Invocation", subject: str, sans: "Sequence[str]", spki: bytes, *, named: bool
) -> "Map":
    """What a template can see when there is no request but one made of the arguments; where that is not
    ``named`` it has a key alone.
    """
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
        "User": variables.numbers_as_go(template_data.given(call)),
    }
    return variables.variables(
        variables.common_name(subject), variables.alternative_names(sans), insecure
    )


def fields_of(
    call: "Invocation", data: "Map", convert: "Callable[[Fields], CertificateFields]"
) -> "CertificateFields":
    """The fields that --template makes of the data."""
    try:
        source = read(call.require("template")).decode()
    except UnicodeDecodeError:
        raise CliError("error parsing template: it is not UTF-8") from None
    try:
        return rendered(source, data, convert)
    except TemplateRefusedError as error:
        raise CliError(str(error)) from None


def rendered(
    source: str,
    data: "Map",
    convert: "Callable[[Fields], CertificateFields]" = certificates.certificate,
) -> "CertificateFields":
    """The fields that a template's text makes of the data. Raises TemplateRefusedError."""
    environment = Environment(now(), secrets.token_bytes)
    return convert(certificates.rendered(certificates.compiled(source), data, environment))


def wanted_of(
    fields: "CertificateFields", spki: bytes, times: "tuple[dt.datetime, dt.datetime]"
) -> builder.Wanted:
    """The certificate of these fields for a key and a time."""
    if fields.serial_number is not None and fields.serial_number <= 0:
        raise CliError("error creating certificate: x509: serial number must be positive")
    return builder.Wanted(
        fields.subject,
        spki,
        *times,
        fields.extensions,
        fields.given,
        fields.serial_number,
        fields.signature_algorithm,
    )


def request(fields: "CertificateFields", key: "PrivateKey") -> bytes:
    """A request (RFC 2986) in PEM."""
    wanted = [each.der for each in (*fields.extensions, *fields.given)]
    asked = der.sequence(der.oid(EXTENSION_REQUEST), der.tlv(der.SET, der.sequence(*wanted)))
    info = der.sequence(
        der.integer(0),
        fields.subject,
        keys.spki(key.public_key()),
        der.explicit(0, asked if wanted else b""),
    )
    signer = signature_choice.chosen(fields.signature_algorithm, key)
    made = der.sequence(info, signer.algorithm, der.bit_string(signer.sign(info)))
    return sources.pem(made, "CERTIFICATE REQUEST").encode()
