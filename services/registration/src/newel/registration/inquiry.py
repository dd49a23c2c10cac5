"""What others are asked about one request, of X.509 and of SSH: the inventory and webhooks.

The order is step-ca's, with the inventory before: its metadata, enriching webhooks, template, policies,
authorizing webhooks. A provisioner without any of them costs nothing.
"""

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple

from newel.registration.inventory import InventoryName, InventoryQuestion, read_metadata
from newel.registration.provisioners.provisioner import Provisioner
from newel.step.webhooks import WebhookCertificateType

if TYPE_CHECKING:
    from newel.registration.webhooks.webhooks import WebhookSubject

Members = Mapping[str, Any]


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


class Inquiry:
    """The questions about one request, and the answers that its template sees."""

    def __init__(
        self,
        provisioner: Provisioner,
        proof: Proof,
        certificate_type: WebhookCertificateType,
        request_id: str,
        *,
        describe: Callable[[], Members],
        variables: Callable[[], Members],
    ) -> None:
        """Take who asks. Nothing is built unless a webhook is called.

        ``describe`` builds the member of a body that describes the request, ``variables`` what its
        template sees.
        """
        self._provisioner = provisioner
        self._proof = proof
        self._type = certificate_type
        self._request_id = request_id
        self._describe = describe
        self._variables = variables
        self.answers: dict[str, Any] = dict(proof.template_data)
        """Variables of the template: what the provisioner's kind proved, and what others answered."""

    async def ask_inventory(
        self, names: Sequence[InventoryName], *, template_uses_it: bool
    ) -> None:
        """Ask for the metadata of the subject and of the granted names, where anything depends on it.

        Raises ``forbidden`` for a name that has to be known and is not, and ``unavailable``.
        """
        provisioner = self._provisioner
        if not (provisioner.requires_inventory or template_uses_it):
            return
        question = InventoryQuestion(provisioner.name, self._proof.subject, tuple(names))
        found = await read_metadata(
            provisioner.inventory, question, require_names=provisioner.requires_inventory
        )
        self.answers["Inventory"] = dict(found)

    async def enrich(self) -> None:
        """Ask the enriching webhooks, if there are any. Raises NewelError."""
        hooks = self._provisioner.webhooks
        if hooks is None:
            return
        data = await hooks.enrich(self._subject())
        if data:
            self.answers["Webhooks"] = {**self.answers.get("Webhooks", {}), **data}

    async def authorize(self, certificate: Callable[[], Members], told: str) -> None:
        """Ask the authorizing webhooks about the whole certificate. Raises NewelError.

        ``certificate`` builds the member that describes it; ``told`` is what clients of the step API
        are told of a refusal.
        """
        hooks = self._provisioner.webhooks
        if hooks is not None:
            await hooks.authorize(self._subject(), certificate, told)

    async def check_challenge(self, challenge: str, transaction_id: str) -> bool:
        """Ask the webhooks whether a SCEP challenge is right; their data reaches the template.

        Raises ``unavailable`` when one cannot be asked.
        """
        hooks = self._provisioner.webhooks
        if hooks is None:
            return False
        data = await hooks.check_challenge(self._subject(), challenge, transaction_id)
        if data is not None:
            self.answers["Webhooks"] = data
        return data is not None

    def notify(self, certificate: Callable[[], Members], *, transaction_id: str = "") -> None:
        """Tell the notifying webhooks, later, that a certificate was issued."""
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
            self._type,
            self._describe,
            self._variables,
            proof.certificate,
            proof.principal,
            proof.permanent_identifier,
            self._request_id,
        )
