"""What a provisioner's template may make: a leaf certificate and nothing else."""

from typing import NamedTuple

from newel.certtemplates.certificates import CertificateFields
from newel.certtemplates.names import Attribute, attributes
from newel.certtemplates.refusal import TemplateRefusedError
from newel.crypto import der, distinguished_names, extensions, names
from newel.crypto.dns_names import UNDERSCORES
from newel.crypto.extensions import Extension
from newel.crypto.names import GeneralName
from newel.step.extension import OID as STEP_EXTENSION

LONGEST_COMMON_NAME = 64
THE_AUTHORITY_S_OWN = frozenset(
    {
        extensions.SUBJECT_KEY_IDENTIFIER,
        extensions.AUTHORITY_KEY_IDENTIFIER,
        extensions.AUTHORITY_INFORMATION_ACCESS,
        extensions.CRL_DISTRIBUTION_POINTS,
        STEP_EXTENSION,
    }
)
"""What the authority says of itself, whatever a template says."""
NEVER_USAGES = frozenset({"keyCertSign", "cRLSign"})
NEVER_PURPOSES = frozenset({extensions.OCSP_SIGNING, extensions.ANY_EXTENDED_KEY_USAGE})
NEVER_EXTENSIONS = frozenset({extensions.NAME_CONSTRAINTS, extensions.OCSP_NO_CHECK})


class TemplateOutput(NamedTuple):
    """What a template decides about a certificate."""

    subject: tuple[Attribute, ...]
    names: tuple[GeneralName, ...]
    key_usages: tuple[str, ...]
    purposes: tuple[str, ...]
    extensions: tuple[Extension, ...]


def leaf(fields: CertificateFields, *, of_device: bool = False) -> TemplateOutput:
    """Return the fields as those of a leaf; only one ``of_device`` may have a permanentIdentifier.

    Raises TemplateRefusedError for other certificates, InvalidNameError and DERError for values that
    cannot be read.
    """
    if fields.serial_number is not None:
        raise TemplateRefusedError("serial numbers are the authority's own")
    usages: tuple[str, ...] = ()
    purposes: tuple[str, ...] = ()
    found: tuple[GeneralName, ...] = ()
    others: list[Extension] = []
    for each in (*fields.extensions, *fields.given):
        if each.oid == extensions.SUBJECT_ALT_NAME:
            found = tuple(dict.fromkeys(general_names(each.value, of_device=of_device)))
        elif each.oid == extensions.KEY_USAGE:
            usages = extensions.decode_key_usage(each.value)
        elif each.oid == extensions.EXTENDED_KEY_USAGE:
            purposes = extensions.decode_extended_key_usage(each.value)
        elif each.oid == extensions.BASIC_CONSTRAINTS:
            check_no_authority(each.value)
        elif each.oid not in THE_AUTHORITY_S_OWN:
            others.append(each)
    for kind, banned in ((usages, NEVER_USAGES), (purposes, NEVER_PURPOSES)):
        if banned.intersection(kind):
            raise TemplateRefusedError("a template makes neither an authority nor a responder")
    if any(each.oid in NEVER_EXTENSIONS for each in others):
        raise TemplateRefusedError("a template makes neither an authority nor a responder")
    return TemplateOutput(subject_of(fields.subject), found, usages, purposes, tuple(others))


def check_no_authority(value: bytes) -> None:
    """Refuses every BasicConstraints but the empty one, which says: no authority."""
    if value != der.sequence():
        raise TemplateRefusedError("a template makes no certificate authority")


def general_names(value: bytes, *, of_device: bool = False) -> list[GeneralName]:
    """Return the names of a subjectAltName, canonical and checked.

    The profile of the certificate decides whether domain names may have underscores.
    """
    read = names.from_certificate if of_device else names.from_der
    return [
        read(each.tag, each.content, UNDERSCORES) for each in der.children(der.only(value).content)
    ]


def subject_of(name: bytes) -> tuple[Attribute, ...]:
    """Return a Name's attributes, without a common name that is too long to be one."""
    return tuple(
        each
        for each in attributes(name)
        if each.oid != distinguished_names.COMMON_NAME or len(each.text) <= LONGEST_COMMON_NAME
    )
