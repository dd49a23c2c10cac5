"""A provisioner's X.509 template: the operator's Go template, partly on data of the requester.

The template's author may choose names and subject, but only of a leaf. The output is checked here, and
again by the issuing authority's profile, its linter and the signer. Work and memory are bounded, because
data can make a template do much.
"""

import datetime as dt
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple, TypeVar, cast

import msgspec

from newel.certtemplates import certificates, variables
from newel.certtemplates.leaves import TemplateOutput, leaf
from newel.certtemplates.options import template_options
from newel.certtemplates.refusal import TemplateRefusedError
from newel.crypto import der
from newel.crypto.csr import VerifiedRequest
from newel.crypto.dns_names import InvalidNameError
from newel.gotemplate.budget import Environment, Limits
from newel.gotemplate.template import Template
from newel.registration.errors import (
    forbidden_error,
    malformed_error,
    misconfiguration_error,
    verbatim_error,
)
from newel.registration.provisioners import template_names
from newel.runtime.entropy import random_bytes
from newel.runtime.errors import NewelError

Output = TypeVar("Output")

BOUNDS = Limits(steps=20_000, octets=1 << 20, output=1 << 18)
_MAX_FILE_SIZE = 1 << 18


class TemplateInput(NamedTuple):
    """The data of one request that a template sees.

    ``user`` is the requester's own, in JSON; ``extra`` is what the provisioner's kind proved, by name.
    """

    subject: str
    names: Sequence[str]
    request: VerifiedRequest
    claims: bytes = b""
    user: bytes = b""
    extra: Mapping[str, Any] = MappingProxyType({})
    of_device: bool = False
    """Whether a device's identifier was proved, which the certificate may then have."""


class LeafTemplate:
    """One provisioner's template, compiled when the provisioner is loaded."""

    def __init__(self, template: Template, data: Mapping[str, Any], *, text: str) -> None:
        self.uses_inventory = ".Inventory" in text
        """Whether the inventory has to be asked before it is rendered."""
        self._template = template
        self._data = data

    @classmethod
    def from_options(cls, options: Mapping[str, Any] | None) -> "LeafTemplate | None":
        """Compile the template of ``options.x509``, if there is one. Raises ValueError."""
        found = template_options(options)
        if found is None:
            return None
        text = found.text or read_file(found.file, "options.x509.templateFile")
        return cls(certificates.compile_template(text), found.data, text=text)

    def render(self, data: TemplateInput, now: dt.datetime) -> TemplateOutput:
        """Render the template into a leaf. Raises NewelError.

        The client sees a refusal of the template itself verbatim; any other failure is the operator's to
        fix and goes to the audit trail. A name beyond the grant has to come from the operator.
        """
        tape = template_names.RandomTape(random_bytes)
        user = parse_object(data.user, "templateData")
        insecure = {"CR": variables.certification_request(data.request), "User": user}
        output = self._leaf(data, insecure, Environment(now, tape))
        granted = {*data.names, template_names.canonical(data.subject)}
        beyond = template_names.names_in(output) - granted
        fault = ""
        if beyond:
            tape.rewind()
            own, fault = self._operator_names(data, Environment(now, tape))
            beyond -= own
        if beyond:
            raise foreign_name_error(min(beyond), fault)
        if template_names.has_quotes(data.user, data.request.subject):
            tape.rewind()
            self._require_in_place(data, output, Environment(now, tape))
        return output

    def _require_in_place(
        self, data: TemplateInput, output: TemplateOutput, environment: Environment
    ) -> None:
        """Refuse data whose quotes break out of the strings the template puts it in."""
        user = template_names.without_quotes(decode_object(data.user, "templateData"))
        request = data.request

        def render_plain() -> TemplateOutput:
            subject = template_names.subject_without_quotes(request.subject)
            insecure = {
                "CR": variables.certification_request(request, subject),
                "User": parse_object(user, "templateData"),
            }
            return self._leaf(data, insecure, environment)

        plain, fault = render_again(render_plain)
        if plain is None or template_names.outline(plain) != template_names.outline(output):
            raise outside_string_error(fault)

    def _operator_names(
        self, data: TemplateInput, environment: Environment
    ) -> tuple[set[str], str]:
        """Return the names that a request without data of its own would get, too, or why there are none."""
        request = template_names.granted_request(data.subject, data.names, data.request.spki)
        insecure = {"CR": request, "User": parse_object(b"", "")}
        found, fault = render_again(lambda: self._leaf(data, insecure, environment))
        return (set() if found is None else template_names.names_in(found)), fault

    def _leaf(
        self, data: TemplateInput, insecure: dict[str, Any], environment: Environment
    ) -> TemplateOutput:
        visible = self._visible(data, insecure)
        try:
            text = certificates.render(self._template, visible, environment, BOUNDS)
            return leaf(certificates.certificate(text), of_device=data.of_device)
        except TemplateRefusedError as error:
            raise refusal_error(error) from None
        except (der.DERError, InvalidNameError) as error:
            raise malformed_error(f"the certificate template made a bad name: {error}") from None

    def _visible(self, data: TemplateInput, insecure: dict[str, Any]) -> dict[str, Any]:
        return {**_known_variables(data, insecure), **operator_variables(self._data)}


def render_again(render: Callable[[], Output]) -> tuple[Output | None, str]:
    """Render a template with other data than the request's, to compare; None and why, where it fails.

    A template may demand what only a request has. Then nothing in its output is known to be the operator's,
    the request is refused, and the audit trail says why.
    """
    try:
        return render(), ""
    except NewelError as error:
        return None, error.cause
    except InvalidNameError as error:
        return None, str(error)


def foreign_name_error(name: str, fault: str) -> NewelError:
    """Make a 403 for a name that is neither granted nor known to be the operator's."""
    detail = (
        f"the certificate template takes '{name[:256]}' from the request,"
        " and the request was not granted it"
    )
    return forbidden_error(detail, cause=_add_fault(detail, fault))


def outside_string_error(fault: str) -> NewelError:
    """Make a 403 for data that leaves the string in which the template has it."""
    detail = (
        "the request's data ends a string of the certificate template and continues after it;"
        " a template passes data through toJson"
    )
    return forbidden_error(detail, cause=_add_fault(detail, fault))


def _add_fault(detail: str, fault: str) -> str:
    return f"{detail}; rendered without it, the template fails: {fault[:512]}" if fault else ""


def operator_variables(data: Mapping[str, Any]) -> dict[str, Any]:
    """Return the operator's data for one rendering; it takes the place of any variable but ``Insecure``."""
    # a copy: what a template sets in a map must not be there for the next request
    own: dict[str, Any] = variables.numbers_as_go(dict(data))
    return {name: value for name, value in own.items() if name != "Insecure"}


def refusal_error(error: TemplateRefusedError) -> NewelError:
    """Return what the client is told: the template's own words, or nothing of what is for the operator."""
    if error.own:
        return verbatim_error(str(error))
    return misconfiguration_error(f"error applying certificate template: {error}")


def visible(data: TemplateInput) -> dict[str, Any]:
    """Return what a template without data of the operator would see of a request. Raises ``malformed``."""
    user = parse_object(data.user, "templateData")
    return _known_variables(
        data, {"CR": variables.certification_request(data.request), "User": user}
    )


def _known_variables(data: TemplateInput, insecure: dict[str, Any]) -> dict[str, Any]:
    sans = variables.alternative_names(data.names)
    subject = variables.common_name(data.subject)
    known = variables.variables(subject, sans, insecure)
    if data.claims:
        known["Token"] = parse_object(data.claims, "the token's payload")
    known.update(data.extra)
    return known


def read_file(file: str, member: str) -> str:
    """Read a template from the file that a member names. Raises ValueError."""
    try:
        with Path(file).open("rb") as source:
            octets = source.read(_MAX_FILE_SIZE + 1)
    except OSError as error:
        raise ValueError(f"{member}: {error.strerror}") from None
    if len(octets) > _MAX_FILE_SIZE:
        raise ValueError(f"{member}: the file is longer than {_MAX_FILE_SIZE} octets")
    try:
        return octets.decode()
    except UnicodeDecodeError:
        raise ValueError(f"{member}: the file is not UTF-8") from None


def parse_object(data: bytes, what: str) -> dict[str, Any]:
    """Decode a JSON object with Go's numbers; nothing and null are empty objects. Raises ``malformed``."""
    return variables.numbers_as_go(decode_object(data, what))


def decode_object(data: bytes, what: str) -> dict[str, Any]:
    """Decode a JSON object; nothing and null are empty objects. Raises ``malformed``."""
    try:
        found: Any = msgspec.json.decode(data) if data else None
    except (ValueError, RecursionError):
        raise malformed_error(f"{what} is not JSON") from None
    if found is None:
        return {}
    if not isinstance(found, dict):
        raise malformed_error(f"{what} is not an object")
    return cast("dict[str, Any]", found)
