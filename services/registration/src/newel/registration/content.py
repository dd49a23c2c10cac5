"""The content of an X.509 certificate: from what a provisioner granted to what the issuing authority is asked.

The step API, ACME and SCEP all go through here.
"""

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from newel.crypto.csr import VerifiedRequest
from newel.crypto.distinguished_names import Attribute
from newel.crypto.names import PermanentIdentifier
from newel.registration.inquiry import Inquiry, Proof
from newel.registration.issuance import IssueRequest, add_must_staple, apply_template
from newel.registration.provisioners.provisioner import Provisioner
from newel.registration.subject_defaults import fill_subject
from newel.step.webhooks import WebhookCertificateType

if TYPE_CHECKING:
    from newel.registration.provisioners.templates import TemplateInput

_REFUSED = "error creating certificate"
"""What step-ca tells clients when a webhook does not authorize a certificate."""


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
        self.inquiry = Inquiry(
            provisioner,
            proof,
            WebhookCertificateType.X509,
            message.request_id,
            describe=self._describe,
            variables=self._variables,
        )

    async def determine(self, defaults: Sequence[Attribute] = ()) -> None:
        """Ask the enriching webhooks and apply the template, if there are any; fill the subject.

        Raises NewelError.
        """
        template = self._provisioner.template
        await self.inquiry.ask_inventory(
            self._granted.names,
            template_uses_it=template is not None and template.uses_inventory,
        )
        await self.inquiry.enrich()
        if template is not None:
            self.message = apply_template(self.message, template.render(self._input(), self._now))
        self.message = fill_subject(self.message, defaults)
        self.message = add_must_staple(self.message, self._request.extensions)

    async def authorize(self) -> None:
        """Ask the authorizing webhooks about the whole certificate. Raises NewelError."""
        await self.inquiry.authorize(self._describe_certificate, _REFUSED)

    def notify(self, certificate: bytes, *, transaction_id: str = "") -> None:
        """Tell the notifying webhooks, later, that this certificate (DER) was issued."""

        def describe() -> Mapping[str, Any]:
            from newel.registration.webhooks import bodies

            return {"x509Certificate": bodies.issued_certificate(certificate)}

        self.inquiry.notify(describe, transaction_id=transaction_id)

    def _describe(self) -> Mapping[str, Any]:
        from newel.registration.webhooks import bodies

        return {"x509CertificateRequest": bodies.certification_request(self._request)}

    def _describe_certificate(self) -> Mapping[str, Any]:
        from newel.registration.webhooks import bodies

        message = self.message
        end = message.not_after
        if end is None:
            end = self._now + (
                message.default_duration or self._provisioner.limits.default_duration
            )
        validity = bodies.Validity(message.not_before or self._now, end)
        is_default = self._provisioner.template is None and not message.profile
        return {"x509Certificate": bodies.certificate(message, validity, is_default=is_default)}

    def _input(self) -> "TemplateInput":
        from newel.registration.provisioners.templates import TemplateInput

        proof = self._proof
        granted = self._granted.names
        return TemplateInput(
            proof.subject,
            # a device's identifier is no name by its looks: what was proved has it among the SANs
            [str(name) for name in granted if not isinstance(name, PermanentIdentifier)],
            self._request,
            proof.payload,
            proof.user,
            self.inquiry.answers,
            of_device=bool(proof.permanent_identifier),
        )

    def _variables(self) -> Mapping[str, Any]:
        from newel.registration.provisioners.templates import visible

        return visible(self._input())
