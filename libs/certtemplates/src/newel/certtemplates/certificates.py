"""What a template's JSON says about a certificate or a request (the JSON keys are the step toolchain's)."""

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from newel.certtemplates import asn1_values, subjects
from newel.certtemplates.alternative_names import general_names, is_rare
from newel.certtemplates.constraints import (
    later_extensions,
    pointer_extensions,
    usage_extensions,
)
from newel.certtemplates.json_fields import (
    Fields,
    first_object,
    moment,
    object_identifier,
    octets,
    serial,
    truth,
)
from newel.certtemplates.refusal import TemplateRefusedError, UnmakableError
from newel.certtemplates.signatures import signature_algorithm
from newel.crypto import der, extensions
from newel.crypto.extensions import Extension
from newel.gotemplate.budget import Environment, Limits
from newel.gotemplate.errors import CallError, ExecutionError, TemplateError
from newel.gotemplate.functions.catalogue import FUNCTIONS
from newel.gotemplate.template import Template

ALL_FUNCTIONS = {**FUNCTIONS, **asn1_values.FUNCTIONS}


@dataclass(frozen=True)
class CertificateFields:
    """The fields of a certificate, as a template has them. Nothing here is checked against any rule.

    ``extensions`` stand in the order of Go's library; ``given`` are those the template has in DER, which
    stand behind them and replace the ones its other fields would make. None is what it does not say.
    """

    subject: bytes
    extensions: tuple[Extension, ...]
    given: tuple[Extension, ...]
    serial_number: int | None = None
    signature_algorithm: str | None = None
    not_before: dt.datetime | None = None
    not_after: dt.datetime | None = None


def compile_template(source: str) -> Template:
    """Return the template of a text. Raises TemplateRefusedError."""
    try:
        return Template(source, ALL_FUNCTIONS)
    except TemplateError as error:
        raise TemplateRefusedError(f"error parsing template: {error}") from None


def render(
    template: Template,
    data: Mapping[str, Any],
    environment: Environment,
    limits: Limits | None = None,
) -> Fields:
    """Return the JSON object that a template makes of the data. Raises TemplateRefusedError."""
    try:
        made = template.render(data, environment, limits)
    except ExecutionError as error:
        if error.failure:
            raise TemplateRefusedError(error.failure, own=True) from None
        raise TemplateRefusedError(f"error executing template: {error}") from None
    except TemplateError as error:
        raise TemplateRefusedError(f"error executing template: {error}") from None
    try:
        return first_object(made)
    except TemplateRefusedError as error:
        raise TemplateRefusedError(f"error unmarshaling certificate: {error}") from None


def certificate(fields: Fields) -> CertificateFields:
    """Return the certificate of a rendered template. Raises TemplateRefusedError."""
    return convert(fields, request=False)


def request(fields: Fields) -> CertificateFields:
    """Return the fields of a request, without those that only certificates have."""
    return convert(fields, request=True)


def convert(fields: Fields, *, request: bool) -> CertificateFields:
    """Return the fields; an error says which part could not be read."""
    try:
        return _convert(fields, request=request)
    except UnmakableError:
        raise
    except (ValueError, CallError, OverflowError) as error:
        raise TemplateRefusedError(f"error unmarshaling certificate: {error}") from None


def _convert(fields: Fields, *, request: bool) -> CertificateFields:
    """Return the fields; an error says only what is wrong."""
    subject = fields.read("rawSubject", octets, b"") or fields.read(
        "subject", subjects.name, subjects.EMPTY
    )
    given = [extension(each) for each in fields.objects("extensions")]
    extra = [each for each in given if each.oid]
    usages = list(usage_extensions(fields))
    names = general_names(fields)
    critical = subject == subjects.EMPTY and (not request or any(map(is_rare, names)))
    alternative = (
        [Extension(extensions.SUBJECT_ALT_NAME, critical, der.sequence(*names))] if names else []
    )
    if request:
        made = (
            [*reversed(usages), *alternative]
            if any(map(is_rare, names))
            else [*alternative, *reversed(usages)]
        )
    else:
        pointers, later = pointer_extensions(fields), later_extensions(fields)
        made = [*usages, *identifiers(fields), *pointers, *alternative, *later]
    replaced = {each.oid for each in extra}
    return CertificateFields(
        subject,
        tuple(each for each in made if each.oid not in replaced),
        tuple(extra),
        fields.read("serialNumber", serial, None),
        fields.read("signatureAlgorithm", signature_algorithm, None),
        fields.read("notBefore", moment, None),
        fields.read("notAfter", moment, None),
    )


def extension(fields: Fields) -> Extension:
    """Return an extension whose value is given in DER."""
    return Extension(
        fields.read("id", object_identifier, ""),
        fields.read("critical", truth, False),  # a default of JSON
        fields.read("value", octets, b""),
    )


def identifiers(fields: Fields) -> list[Extension]:
    """Return the key identifiers that a template sets itself."""
    found: list[Extension] = []
    subject_key = fields.read("subjectKeyId", octets, b"")
    authority_key = fields.read("authorityKeyId", octets, b"")
    if subject_key:
        found.append(extensions.subject_key_identifier(subject_key))
    if authority_key:
        found.append(extensions.authority_key_identifier(authority_key))
    return found
