"""A provisioner's X.509 template: the operator's Go template, on data that the asker gave in part.

The template's author is trusted to choose names and subject; nobody is trusted to make anything but a
leaf. What a template makes is held against that here, and once more by the issuing authority's profile,
its linter and the signer. Work and memory are bounded: data can make a template do much.
"""

import datetime as dt
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple, cast

import msgspec

from newel.certtemplates import certificates, variables
from newel.certtemplates.leaves import Shape, leaf
from newel.certtemplates.options import template_options
from newel.certtemplates.refusal import TemplateRefusedError
from newel.crypto import der, extensions, names
from newel.crypto.csr import VerifiedRequest
from newel.crypto.dns_names import InvalidNameError
from newel.crypto.extensions import Extension
from newel.gotemplate.budget import Environment, Limits
from newel.gotemplate.template import Template
from newel.registration.errors import forbidden, malformed, misconfigured, verbatim
from newel.registration.provisioners import template_names
from newel.runtime.entropy import random_bytes
from newel.runtime.errors import NewelError

BOUNDS = Limits(steps=20_000, octets=1 << 20, output=1 << 18)
LARGEST_FILE = 1 << 18


class TemplateInput(NamedTuple):
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
        said = template_options(options)
        if said is None:
            return None
        return cls(certificates.compiled(said.text or text_of(said.file)), said.data)

    def shape(self, asked: TemplateInput, now: dt.datetime) -> Shape:
        """The leaf that the template makes. Raises the refusal.

        What the template itself refuses is told in its own words; anything else that goes wrong is the
        operator's to mend, and stands in the audit trail. A name beyond the grant has to be the operator's.
        """
        tape = template_names.Tape(random_bytes)
        user = object_of(asked.user, "templateData")
        insecure = {"CR": request_of(asked.request), "User": user}
        made = self._leaf(self._visible(asked, insecure), Environment(now, tape))
        granted = {*asked.names, template_names.canonical(asked.subject)}
        beyond = template_names.names_in(made) - granted
        if beyond:
            tape.rewind()
            beyond -= self._of_the_operator(asked, Environment(now, tape))
        if beyond:
            raise forbidden(
                f"the certificate template takes '{min(beyond)[:256]}' from the request,"
                " and the request was not granted it"
            )
        if template_names.has_quotes(asked.user, asked.request.subject):
            tape.rewind()
            self._require_in_place(asked, made, Environment(now, tape))
        return made

    def _require_in_place(
        self, asked: TemplateInput, made: Shape, environment: Environment
    ) -> None:
        """Refuse data that says more than the values the template puts it for, by quotes of its own."""
        user = template_names.without_quotes(decoded(asked.user, "templateData"))
        request = asked.request
        try:
            subject = template_names.subject_without_quotes(request.subject)
            insecure = {"CR": request_of(request, subject), "User": object_of(user, "templateData")}
            plain = self._leaf(self._visible(asked, insecure), environment)
        except (NewelError, InvalidNameError):
            plain = None
        if plain is None or template_names.outline(plain) != template_names.outline(made):
            raise forbidden(
                "the request's data ends a string of the certificate template and goes on beside it;"
                " a template passes data through toJson"
            )

    def _of_the_operator(self, asked: TemplateInput, environment: Environment) -> set[str]:
        """The names that are there for an asker, too, who says nothing of his own."""
        request = template_names.granted_request(asked.subject, asked.names, asked.request.spki)
        visible = self._visible(asked, {"CR": request, "User": object_of(b"", "")})
        try:
            return template_names.names_in(self._leaf(visible, environment))
        except NewelError:
            return set()

    def _leaf(self, visible: dict[str, Any], environment: Environment) -> Shape:
        try:
            made = certificates.rendered(self._template, visible, environment, BOUNDS)
            return leaf(certificates.certificate(made))
        except TemplateRefusedError as error:
            if error.own:
                raise verbatim(str(error)) from None
            raise misconfigured(f"error applying certificate template: {error}") from None
        except (der.DerError, InvalidNameError) as error:
            raise malformed(f"the certificate template made a bad name: {error}") from None

    def _visible(self, asked: TemplateInput, insecure: dict[str, Any]) -> dict[str, Any]:
        sans = variables.alternative_names(asked.names)
        subject = variables.common_name(asked.subject)
        known = variables.variables(subject, sans, insecure)
        if asked.claims:
            known["Token"] = object_of(asked.claims, "the token's payload")
        # a copy: what a template sets in a map must not be there for the next request
        own: dict[str, Any] = variables.numbers_as_go(dict(self._data))
        known.update({name: value for name, value in own.items() if name != "Insecure"})
        return known


def text_of(file: str) -> str:
    """A template's text in a file. Raises ValueError."""
    try:
        with Path(file).open("rb") as source:
            return source.read(LARGEST_FILE).decode()
    except OSError as error:
        raise ValueError(f"options.x509.templateFile: {error.strerror}") from None


def object_of(data: bytes, what: str) -> dict[str, Any]:
    """A JSON object with Go's numbers; an empty one for nothing and for null. Raises the refusal."""
    return variables.numbers_as_go(decoded(data, what))


def decoded(data: bytes, what: str) -> dict[str, Any]:
    """The same with numbers as JSON has them."""
    try:
        found: Any = msgspec.json.decode(data) if data else None
    except (ValueError, RecursionError):
        raise malformed(f"{what} is not JSON") from None
    if found is None:
        return {}
    if not isinstance(found, dict):
        raise malformed(f"{what} is not an object")
    return cast("dict[str, Any]", found)


def request_of(request: VerifiedRequest, subject: bytes = b"") -> Any:
    """The request as templates see it, with another subject if one is given."""
    info = der.children(der.only(request.der).content)[0]
    subject = subject or der.children(info.content)[1].raw
    asked = list(request.extensions)
    if request.names:
        asked.append(Extension(extensions.SUBJECT_ALT_NAME, False, names.encode(request.names)))
    return variables.request(subject, request.spki, asked)
