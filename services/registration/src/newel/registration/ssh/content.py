"""What an SSH certificate says of its holder: what the grant allows, or the provisioner's template makes of it."""

import datetime as dt
from collections.abc import Sequence
from typing import Any

from newel.certtemplates.ssh_content import SSHContent
from newel.registration.errors import forbidden_error, malformed_error
from newel.registration.provisioners.provisioner import Provisioner
from newel.registration.provisioners.ssh_grant import SSHChoice, SSHGrant
from newel.step.ssh_messages import SSHSignRequest


def check_options(body: SSHSignRequest, grant: SSHGrant) -> None:
    """Refuse a request that contradicts what its token fixes. Raises NewelError."""
    fixed = grant.options
    pairs = (
        ("certificate type", fixed.cert_type, body.cert_type),
        ("certificate valid after", fixed.valid_after, body.valid_after),
        ("certificate valid before", fixed.valid_before, body.valid_before),
    )
    for what, want, got in pairs:
        if want and got and want != got:
            raise malformed_error(f"ssh {what} does not match - got {got[:256]}, want {want[:256]}")
    if fixed.principals and not set(body.principals or ()) <= set(fixed.principals):
        raise malformed_error(
            "ssh certificate principals does not match"
            f" - got {_list(body.principals or ())}, want {_list(fixed.principals)}"
        )


def choose(body: SSHSignRequest, grant: SSHGrant) -> SSHContent:
    """Return type, key id and principals within the grant. Raises NewelError."""
    kind, key_id, principals = grant.type, grant.key_id, list(grant.principals)
    if grant.choice is SSHChoice.ALL:
        missing = [
            name
            for name, value in (
                ("type", body.cert_type), ("keyID", body.key_id), ("principals", body.principals)
            )
            if not value
        ]  # fmt: skip # pairs
        if missing:
            raise malformed_error(f"ssh certificate {missing[0]} cannot be empty")
        kind, key_id, principals = body.cert_type or "", body.key_id or "", body.principals or []
    elif grant.choice is SSHChoice.PRINCIPALS and body.principals:
        principals = body.principals
    elif body.cert_type and body.cert_type != kind and not grant.options.cert_type:
        kind = body.cert_type if body.cert_type in grant.types else kind
    require_type(kind, body.cert_type or "", grant)
    return SSHContent.usual(kind, key_id, principals)


def require_type(kind: str, asked: str, grant: SSHGrant) -> None:
    """Refuse a type that the provisioner does not give. Raises NewelError."""
    if kind not in {"user", "host"}:
        raise malformed_error(f"unknown certificate type '{kind[:64]}'")
    if kind not in grant.types or (asked and asked != kind):
        wanted = " or ".join(sorted(grant.types))
        raise forbidden_error(
            f"ssh certificate type does not match - got {(asked or kind)[:64]}, want {wanted}"
        )


def render(
    body: SSHSignRequest,
    provisioner: Provisioner,
    grant: SSHGrant,
    usual: SSHContent,
    now: dt.datetime,
) -> SSHContent:
    """Return the usual content, or what the provisioner's template makes of it. Raises NewelError."""
    if provisioner.ssh_template is None:
        return usual
    from newel.registration.provisioners.ssh_templates import SSHTemplateInput

    request: dict[str, Any] = {
        "Type": body.cert_type or "",
        "KeyID": body.key_id or "",
        "Principals": body.principals or [],
        "Key": body.public_key or "",
    }
    data = SSHTemplateInput(
        usual, request, grant.payload, bytes(body.template_data), grant.template_data
    )
    made = provisioner.ssh_template.render(data, now)
    require_type(made.type, "", grant)
    return made


def _list(texts: Sequence[str]) -> str:
    return f"[{' '.join(texts)[:512]}]"
