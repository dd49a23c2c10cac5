"""What an SSH certificate says of its holder: as asked, or as the provisioner's template makes of it."""

import secrets
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from newel.certtemplates.ssh import read_content
from newel.certtemplates.ssh_content import EXTENSIONS, SSHContent
from newel.cli.errors import CliError

if TYPE_CHECKING:
    from newel.certtemplates.json_fields import Fields
    from newel.cli.operations.ssh.ssh_options import CertificateRequest
    from newel.cli.operations.template_data import TemplateData
    from newel.cli.operations.tokens.provisioner_choice import Provisioner


def content(
    given: "TemplateData | None",
    provisioner: "Provisioner",
    wanted: "CertificateRequest",
    token: str,
) -> SSHContent:
    """Return the content of the certificate this token is for. Raises CliError."""
    usual = SSHContent.usual(wanted.kind, wanted.key_id, list(wanted.principals))
    given_options = provisioner.get("options") or {}
    if not given_options.get("ssh"):
        return usual
    from newel.certtemplates.options import template_options

    try:
        options = template_options(given_options, "ssh")
        if options is None:
            return usual
        return read_output(render(given, options.text, options.file, options.data, usual, token))
    except ValueError as error:
        raise CliError(f"error applying certificate template: {error}") from None


def render(
    given: "TemplateData | None",
    text: str,
    file: str,
    data: Mapping[str, Any],
    usual: SSHContent,
    token: str,
) -> "Fields":
    """Return the output of the template in ``text`` or a file for the request. Raises ValueError."""
    from newel.certtemplates import certificates
    from newel.certtemplates.variables import numbers_as_go
    from newel.cli.operations.offline.templated import claims_of
    from newel.cli.store import steppath
    from newel.cli.store.files import read
    from newel.client.clock import now
    from newel.gotemplate.budget import Environment

    asked = {"Type": usual.type, "KeyID": usual.key_id, "Principals": usual.principals}
    user = given.read() if given else {}
    visible = {
        **asked,
        "CriticalOptions": usual.critical_options,
        "Extensions": usual.extensions,
        "Token": numbers_as_go(claims_of(token)),
        "Insecure": {"CR": asked, "User": numbers_as_go(user)},
        **{name: value for name, value in data.items() if name != "Insecure"},
    }
    template = certificates.compile_template(text or read(str(steppath.base() / file)).decode())
    return certificates.render(template, visible, Environment(now(), secrets.token_bytes))


def read_output(fields: "Fields") -> SSHContent:
    """Parse a template's output. Raises ValueError."""
    found = read_content(fields)
    if found.type not in EXTENSIONS or not found.key_id:
        raise ValueError("it makes no certificate of a user or a host")
    return found
