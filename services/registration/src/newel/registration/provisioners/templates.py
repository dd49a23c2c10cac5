"""A provisioner's X.509 template: the operator's Go template, on data that the asker gave in part.

The template's author is trusted to choose names and subject; nobody is trusted to make anything but a
leaf. What a template makes is held against that here, and once more by the issuing authority's profile,
its linter and the signer. Work and memory are bounded: data can make a template do much.
"""

import datetime as dt
import secrets
from base64 import b64decode
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple, cast

import msgspec

from newel.crypto import der, distinguished_names, extensions, names
from newel.crypto.csr import VerifiedRequest
from newel.crypto.dns_names import InvalidNameError
from newel.crypto.extensions import Extension
from newel.crypto.names import GeneralName
from newel.gotemplate.budget import Limits, Surroundings
from newel.gotemplate.template import Template
from newel.registration.refusals import malformed, misconfigured, verbatim
from newel.step.extension import OID as STEP_EXTENSION
from newel.step.x509_templates import certificates, variables
from newel.step.x509_templates.certificates import CertificateFields
from newel.step.x509_templates.names import Attribute, attributes
from newel.step.x509_templates.refusal import TemplateRefusedError

BOUNDS = Limits(steps=20_000, octets=1 << 20, output=1 << 18)
LARGEST_FILE = 1 << 18
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
"""What the issuing authority says of itself, whatever a template says."""


class Shape(NamedTuple):
    """What a template makes of a request, as far as it is the template's to say."""

    subject: tuple[Attribute, ...]
    names: tuple[GeneralName, ...]
    key_usages: tuple[str, ...]
    purposes: tuple[str, ...]
    extensions: tuple[Extension, ...]


class Asked(NamedTuple):
    """What a template can see of one request; ``user`` is the asker's own, in JSON."""

    subject: str
    names: Sequence[str]
    request: VerifiedRequest
    claims: bytes = b""
    user: bytes = b""


class LeafTemplate:
    """One provisioner's template, compiled when the provisioner is loaded."""

    def __init__(self, template: Template, data: Mapping[str, Any]) -> None:
        self._template = template
        self._data = data

    @classmethod
    def of(cls, options: Mapping[str, Any] | None) -> "LeafTemplate | None":
        """The template of ``options.x509``, None without one. Raises ValueError for an unusable one."""
        said = (options or {}).get("x509")
        if not isinstance(said, dict):
            return None
        chosen = cast("dict[str, Any]", said)
        source = text_of(chosen.get("template"), chosen.get("templateFile"))
        if not source:
            return None
        data = chosen.get("templateData") or {}
        if not isinstance(data, dict):
            raise ValueError("options.x509.templateData is not an object")  # noqa: TRY004 - of the configuration
        return cls(certificates.compiled(source), variables.numbers_as_go(data))

    def shape(self, asked: Asked, now: dt.datetime) -> Shape:
        """The leaf that the template makes. Raises the refusal.

        What the template itself refuses is told in its own words; anything else that goes wrong is the
        operator's to mend, and stands in the audit trail.
        """
        try:
            made = certificates.rendered(
                self._template, self._visible(asked), Surroundings(now, secrets.token_bytes), BOUNDS
            )
            return leaf(certificates.certificate(made))
        except TemplateRefusedError as error:
            if error.own:
                raise verbatim(str(error)) from None
            raise misconfigured(f"error applying certificate template: {error}") from None
        except (der.DerError, InvalidNameError) as error:
            raise malformed(f"the certificate template made a bad name: {error}") from None

    def _visible(self, asked: Asked) -> dict[str, Any]:
        insecure = {"CR": request_of(asked.request), "User": object_of(asked.user)}
        sans = variables.alternative_names(asked.names)
        subject = variables.common_name(asked.subject)
        known = variables.variables(subject, sans, insecure)
        if asked.claims:
            known["Token"] = object_of(asked.claims)
        own = {name: value for name, value in self._data.items() if name != "Insecure"}
        known.update(cast("dict[str, Any]", variables.numbers_as_go(own)))
        return known


def text_of(inline: Any, file: Any) -> str:
    """A template's text: as it is when it begins with a brace, else base64 of it; or a file's."""
    if isinstance(inline, str) and inline:
        text = inline.strip()
        return text if text.startswith("{") else b64decode(text, validate=True).decode()
    if not isinstance(file, str) or not file:
        return ""
    try:
        with Path(file).open("rb") as source:
            return source.read(LARGEST_FILE).decode()
    except OSError as error:
        raise ValueError(f"options.x509.templateFile: {error.strerror}") from None


def object_of(data: bytes) -> dict[str, Any]:
    """A JSON object with Go's numbers; an empty one for anything else."""
    try:
        found: Any = msgspec.json.decode(data) if data else {}
    except (ValueError, RecursionError):
        return {}
    return variables.numbers_as_go(found) if isinstance(found, dict) else {}


def request_of(request: VerifiedRequest) -> Any:
    """The request as templates see it."""
    info = der.children(der.only(request.der).content)[0]
    subject = der.children(info.content)[1].raw
    asked = list(request.extensions)
    if request.names:
        asked.append(Extension(extensions.SUBJECT_ALT_NAME, False, names.encode(request.names)))
    return variables.request(subject, request.spki, asked)


def leaf(fields: CertificateFields) -> Shape:
    """The fields as a leaf's; TemplateRefusedError for what is none."""
    if fields.serial_number is not None:
        raise TemplateRefusedError("serial numbers are the authority's own")
    usages: tuple[str, ...] = ()
    purposes: tuple[str, ...] = ()
    found: tuple[GeneralName, ...] = ()
    others: list[Extension] = []
    for each in (*fields.extensions, *fields.given):
        if each.oid == extensions.SUBJECT_ALT_NAME:
            found = tuple(dict.fromkeys(general_names(each.value)))
        elif each.oid == extensions.KEY_USAGE:
            usages = extensions.key_usages_of(each.value)
        elif each.oid == extensions.EXTENDED_KEY_USAGE:
            purposes = extensions.extended_key_usages_of(each.value)
        elif each.oid == extensions.BASIC_CONSTRAINTS:
            if each.value != distinguished_names.EMPTY:  # an empty sequence says: no authority
                raise TemplateRefusedError("a template makes no certificate authority")
        elif each.oid not in THE_AUTHORITY_S_OWN:
            others.append(each)
    return Shape(subject_of(fields.subject), found, usages, purposes, tuple(others))


def general_names(value: bytes) -> list[GeneralName]:
    """The names of a subjectAltName, canonical and checked."""
    return [
        names.from_der(each.tag, each.content) for each in der.children(der.only(value).content)
    ]


def subject_of(name: bytes) -> tuple[Attribute, ...]:
    """A Name's attributes, without a common name that is too long to be one."""
    return tuple(
        each
        for each in attributes(name)
        if each.oid != distinguished_names.COMMON_NAME or len(each.text) <= LONGEST_COMMON_NAME
    )
