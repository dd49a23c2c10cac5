"""A provisioner's template of SSH certificates: ``options.ssh``, the operator's Go template."""

import datetime as dt
from collections.abc import Mapping
from typing import Any, NamedTuple

from newel.certtemplates import certificates
from newel.certtemplates.json_fields import Fields
from newel.certtemplates.options import template_options
from newel.certtemplates.refusal import TemplateRefusedError
from newel.certtemplates.ssh import read_content
from newel.certtemplates.ssh_content import EXTENSIONS, SSHContent
from newel.gotemplate.budget import Environment
from newel.gotemplate.template import Template
from newel.registration.errors import malformed_error
from newel.registration.provisioners import template_names
from newel.registration.provisioners.templates import (
    BOUNDS,
    foreign_name_error,
    operator_variables,
    outside_string_error,
    parse_object,
    read_file,
    refusal_error,
    render_again,
)
from newel.runtime.entropy import random_bytes


class SSHTemplateInput(NamedTuple):
    """The data of one request that a template sees."""

    usual: SSHContent
    request: Mapping[str, Any]
    """``.Insecure.CR``: what the request says for itself."""
    claims: bytes = b""
    user: bytes = b""
    extra: Mapping[str, Any] = {}


class SSHTemplate:
    """One provisioner's template, compiled when the provisioner is loaded."""

    def __init__(self, template: Template, data: Mapping[str, Any], *, text: str) -> None:
        self.uses_inventory = ".Inventory" in text
        """Whether the inventory has to be asked before it is rendered."""
        self._template = template
        self._data = data

    @classmethod
    def from_options(cls, options: Mapping[str, Any]) -> "SSHTemplate | None":
        """Compile the template of ``options.ssh``, if there is one. Raises ValueError."""
        found = template_options(options, "ssh")
        if found is None:
            return None
        text = found.text or read_file(found.file, "options.ssh.templateFile")
        return cls(certificates.compile_template(text), found.data, text=text)

    def render(
        self, data: SSHTemplateInput, now: dt.datetime, *, known_only: bool = False
    ) -> SSHContent:
        """Render the template. Raises NewelError; the client sees what the template itself refuses.

        Data whose quotes end the string that the template puts it in is refused. With ``known_only``
        a principal beyond the usual ones has to come from the operator, not from the request.
        """
        tape = template_names.RandomTape(random_bytes)
        user = parse_object(data.user, "templateData")
        found = self._render(data, user, Environment(now, tape))
        beyond = set(found.principals) - set(data.usual.principals) if known_only else set[str]()
        fault = ""
        if beyond:
            tape.rewind()
            own, fault = self._operator_principals(data, Environment(now, tape))
            beyond -= own
        if beyond:
            raise foreign_name_error(min(beyond), fault)
        if template_names.has_quotes_within((user, data.usual, data.request)):
            tape.rewind()
            self._require_in_place(data, user, found, Environment(now, tape))
        return found

    def _operator_principals(
        self, data: SSHTemplateInput, environment: Environment
    ) -> tuple[set[str], str]:
        """Return the principals that a request without data of its own would get, too, or why there are none."""
        bare = data._replace(request={})
        found, fault = render_again(lambda: self._render(bare, {}, environment))
        return (set() if found is None else set(found.principals)), fault

    def _require_in_place(
        self,
        data: SSHTemplateInput,
        user: Mapping[str, Any],
        found: SSHContent,
        environment: Environment,
    ) -> None:
        harmless = template_names.harmless
        tame = data._replace(
            usual=SSHContent(*harmless(list(data.usual))), request=harmless(dict(data.request))
        )
        plain, fault = render_again(lambda: self._render(tame, harmless(dict(user)), environment))
        if plain is None or harmless(list(plain)) != harmless(list(found)):
            raise outside_string_error(fault)

    def _render(
        self, data: SSHTemplateInput, user: Mapping[str, Any], environment: Environment
    ) -> SSHContent:
        known = {**_known_variables(data, user), **operator_variables(self._data)}
        try:
            return _read(certificates.render(self._template, known, environment, BOUNDS))
        except TemplateRefusedError as error:
            raise refusal_error(error) from None
        except ValueError as error:
            raise malformed_error(f"error applying certificate template: {error}") from None


def visible(data: SSHTemplateInput) -> dict[str, Any]:
    """Return what a template without data of the operator would see of a request. Raises ``malformed``."""
    return _known_variables(data, parse_object(data.user, "templateData"))


def _known_variables(data: SSHTemplateInput, user: Mapping[str, Any]) -> dict[str, Any]:
    usual = data.usual
    known: dict[str, Any] = {
        "Type": usual.type,
        "KeyID": usual.key_id,
        "Principals": list(usual.principals),
        "CriticalOptions": dict(usual.critical_options),
        "Extensions": dict(usual.extensions),
        **data.extra,
        "Insecure": {"CR": dict(data.request), "User": user},
    }
    if data.claims:
        known["Token"] = parse_object(data.claims, "the token's payload")
    return known


def _read(fields: Fields) -> SSHContent:
    found = read_content(fields)
    if found.type not in EXTENSIONS:
        raise ValueError(f"unknown certificate type {found.type[:64]!r}")
    return found
