"""The content of a certificate: from what a provisioner granted to what the issuing authority is asked.

The order is step-ca's, with the inventory before: its metadata, enriching webhooks, template, policies,
authorizing webhooks. The step API and ACME both go
through here; a provisioner without any of them costs nothing.
"""

import datetime as dt
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple

from newel.crypto.csr import VerifiedRequest
from newel.crypto.distinguished_names import Attribute
from newel.registration.inventory import InventoryQuestion, read_metadata
from newel.registration.issuance import IssueRequest, add_must_staple, apply_template
from newel.registration.provisioners.provisioner import Provisioner
from newel.registration.subject_defaults import fill_subject

if TYPE_CHECKING:
    from newel.registration.provisioners.templates import TemplateInput
    from newel.registration.webhooks.webhooks import WebhookSubject


class Proof(NamedTuple):
    """What is proved about the requester, as templates and webhooks see it."""

    subject: str
    payload: bytes = b""
    """The verified claims as JSON."""
    user: bytes = b""
    """The requester's own data as JSON, which nothing proves."""
    template_data: Mapping[str, Any] = MappingProxyType({})
    """What the provisioner's kind proved, by the names of template variables."""
    certificate: bytes = b""
    """DER of the certificate that proved the identity; empty: none did."""
    principal: str = ""
    """The instance or object that the proof is for, for webhooks."""
    permanent_identifier: str = ""
    """Of an attested device."""


class Content:
    """The content of one certificate on its way through templates and webhooks."""

    def __init__(
        self,
        provisioner: Provisioner,
        request: VerifiedRequest,
        proof: Proof,
        message: IssueRequest,
        now: dt.datetime,
    ) -> None:
        """Take the request as the grant has it, before any template."""
        self._provisioner = provisioner
        self._request = request
        self._proof = proof
        self._granted = message
        self._now = now
        self.message = message
        self._extra: dict[str, Any] = dict(proof.template_data)

    async def determine(self, defaults: Sequence[Attribute] = ()) -> None:
        """Ask the enriching webhooks and apply the template, if there are any; fill the subject.

        Raises NewelError.
        """
        hooks, template = self._provisioner.webhooks, self._provisioner.template
        if self._provisioner.asks_inventory:
            self._extra["Inventory"] = await self._read_metadata()
        if hooks is not None:
            data = await hooks.enrich(self._subject())
            if data:
                self._extra["Webhooks"] = {**self._extra.get("Webhooks", {}), **data}
        if template is not None:
            self.message = apply_template(self.message, template.render(self._input(), self._now))
        self.message = fill_subject(self.message, defaults)
        self.message = add_must_staple(self.message, self._request.extensions)

    async def _read_metadata(self) -> dict[str, str]:
        provisioner = self._provisioner
        question = InventoryQuestion(provisioner.name, self._proof.subject, self._granted.names)
        found = await read_metadata(
            provisioner.inventory, question, require_names=provisioner.requires_inventory
        )
        return dict(found)

    async def authorize(self) -> None:
        """Ask the authorizing webhooks about the whole certificate. Raises NewelError."""
        hooks = self._provisioner.webhooks
        if hooks is None:
            return
        from newel.registration.webhooks.bodies import Validity

        message = self.message
        end = message.not_after
        if end is None:
            end = self._now + (
                message.default_duration or self._provisioner.limits.default_duration
            )
        validity = Validity(message.not_before or self._now, end)
        is_default = self._provisioner.template is None and not message.profile
        await hooks.authorize(self._subject(), message, validity, is_default=is_default)

    async def check_challenge(self, challenge: str, transaction_id: str) -> bool:
        """Ask the webhooks whether a SCEP challenge is right; their data reaches the template.

        Raises ``unavailable`` when one cannot be asked.
        """
        hooks = self._provisioner.webhooks
        if hooks is None:
            return False
        data = await hooks.check_challenge(self._subject(), challenge, transaction_id)
        if data is not None:
            self._extra["Webhooks"] = data
        return data is not None

    def notify(self, certificate: bytes, *, transaction_id: str = "") -> None:
        """Tell the notifying webhooks, later, that this certificate (DER) was issued."""
        hooks = self._provisioner.webhooks
        if hooks is not None:
            hooks.notify(self._subject(), certificate, transaction_id=transaction_id)

    def notify_failure(self, transaction_id: str, code: int, description: str) -> None:
        """Tell the notifying webhooks, later, that a SCEP request was refused."""
        hooks = self._provisioner.webhooks
        if hooks is not None:
            hooks.notify_failure(self._subject(), transaction_id, code, description)

    def _subject(self) -> "WebhookSubject":
        from newel.registration.webhooks.webhooks import WebhookSubject

        proof = self._proof
        return WebhookSubject(
            self._request,
            self._variables,
            proof.certificate,
            proof.principal,
            proof.permanent_identifier,
            self.message.request_id,
        )

    def _input(self) -> "TemplateInput":
        from newel.registration.provisioners.templates import TemplateInput

        proof = self._proof
        names = [str(name) for name in self._granted.names]
        return TemplateInput(
            proof.subject, names, self._request, proof.payload, proof.user, self._extra
        )

    def _variables(self) -> Mapping[str, Any]:
        from newel.registration.provisioners.templates import visible

        return visible(self._input())
