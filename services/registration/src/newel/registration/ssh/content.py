"""What an SSH certificate says of its holder: what the grant allows, or the provisioner's template makes of it."""

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from newel.certtemplates.ssh_content import SSHContent
from newel.registration.errors import forbidden_error, malformed_error
from newel.registration.inquiry import Inquiry, Proof
from newel.registration.inventory import read_principal
from newel.registration.provisioners.provisioner import Provisioner
from newel.registration.provisioners.ssh_grant import SSHChoice, SSHGrant
from newel.step.ssh_messages import SSHSignRequest
from newel.step.webhooks import WebhookCertificateType

if TYPE_CHECKING:
    from newel.registration.provisioners.ssh_templates import SSHTemplateInput

_REFUSED = "authority.SignSSH: error signing certificate"
"""What step-ca tells clients when a webhook does not authorize a certificate."""


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


class ContentOfRequest:
    """The content of one certificate on its way through the inventory, webhooks and the template."""

    def __init__(
        self,
        provisioner: Provisioner,
        grant: SSHGrant,
        body: SSHSignRequest,
        key: bytes,
        now: dt.datetime,
        request_id: str,
    ) -> None:
        """Take a request that its token admits, with its key in wire form. Raises NewelError."""
        self._provisioner = provisioner
        self._grant = grant
        self._body = body
        self._key = key
        self._now = now
        self._usual = choose(body, grant)
        proof = Proof(
            grant.subject,
            grant.payload,
            bytes(body.template_data),
            grant.template_data,
            grant.certificate,
            grant.principal,
        )
        self._inquiry = Inquiry(
            provisioner,
            proof,
            WebhookCertificateType.SSH,
            request_id,
            describe=self._describe,
            variables=self._variables,
        )

    async def determine(self) -> SSHContent:
        """Return the usual content, or what the provisioner's template makes of it. Raises NewelError.

        A template of a provisioner that requires names to be known takes no principal from the request.
        """
        provisioner, usual = self._provisioner, self._usual
        template = provisioner.ssh_template
        await self._inquiry.ask_inventory(
            [read_principal(usual.type, each) for each in usual.principals],
            template_uses_it=template is not None and template.uses_inventory,
        )
        await self._inquiry.enrich()
        if template is None:
            return usual
        content = template.render(
            self._input(), self._now, known_only=provisioner.requires_inventory
        )
        require_type(content.type, "", self._grant)
        return content

    async def authorize(self, content: SSHContent, start: dt.datetime, end: dt.datetime) -> None:
        """Ask the authorizing webhooks about the whole certificate. Raises NewelError."""

        def describe() -> Mapping[str, Any]:
            from newel.registration.webhooks import bodies

            validity = bodies.Validity(start, end)
            return {"sshCertificate": bodies.ssh_certificate(content, self._key, validity)}

        await self._inquiry.authorize(describe, _REFUSED)

    def notify(self, certificate: bytes) -> None:
        """Tell the notifying webhooks, later, that this certificate (in wire form) was issued."""

        def describe() -> Mapping[str, Any]:
            from newel.registration.webhooks import bodies

            return {"sshCertificate": bodies.issued_ssh_certificate(certificate)}

        self._inquiry.notify(describe)

    def _describe(self) -> Mapping[str, Any]:
        from newel.registration.webhooks import bodies

        body = self._body
        request = bodies.ssh_request(
            self._key, body.cert_type or "", body.key_id or "", body.principals or ()
        )
        return {"sshCertificateRequest": request}

    def _input(self) -> "SSHTemplateInput":
        from newel.registration.provisioners.ssh_templates import SSHTemplateInput

        body, grant = self._body, self._grant
        request = {
            "Type": body.cert_type or "",
            "KeyID": body.key_id or "",
            "Principals": body.principals or [],
            "Key": body.public_key or "",
        }
        return SSHTemplateInput(
            self._usual, request, grant.payload, bytes(body.template_data), self._inquiry.answers
        )

    def _variables(self) -> Mapping[str, Any]:
        from newel.registration.provisioners.ssh_templates import visible

        return visible(self._input())


def _list(texts: Sequence[str]) -> str:
    return f"[{' '.join(texts)[:512]}]"
