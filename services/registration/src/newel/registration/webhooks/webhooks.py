"""The webhooks of one provisioner: which are called when, and what their answers decide."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from newel.crypto import distinguished_names, loading
from newel.registration.webhooks import bodies
from newel.registration.webhooks.client import WebhookClient, WebhookReply
from newel.registration.webhooks.errors import WebhookRefusedError
from newel.registration.webhooks.hooks import Variables, Webhook
from newel.registration.webhooks.notifications import Notification, Notifications
from newel.step.webhooks import WebhookCertificateType, WebhookConfig, WebhookKind

_DENIED = "webhook server did not allow request"


class WebhookCaller(NamedTuple):
    """The process's side of webhooks: how they are called at once, and how later."""

    client: WebhookClient
    notifications: Notifications


class WebhookSubject(NamedTuple):
    """The request that webhooks are asked about, and who is proved to have made it."""

    type: WebhookCertificateType
    """X509 or SSH: webhooks for the other type are not called."""
    request: Variables
    """Builds the member of the body that describes the request."""
    variables: Variables
    """Builds what templates see, for addresses that are templates."""
    certificate: bytes = b""
    """DER of the certificate that proved the identity; empty: none did."""
    principal: str = ""
    """The name that the proof is for: an instance, an object; empty: the certificate's common name."""
    permanent_identifier: str = ""
    """Of an attested device."""
    request_id: str = ""


class Webhooks:
    """The webhooks of one provisioner, in the order of its record."""

    def __init__(
        self,
        provisioner: str,
        records: Sequence[WebhookConfig],
        caller: WebhookCaller,
    ) -> None:
        """Compile them. Raises ValueError for an address that is no template."""
        self._provisioner = provisioner
        self._hooks = [Webhook(record) for record in records]
        self._client, self._notifications = caller

    def has(self, kind: WebhookKind, certificate_type: WebhookCertificateType) -> bool:
        """Tell whether any webhook is called at this step."""
        return any(hook.is_for(kind, certificate_type) for hook in self._hooks)

    async def enrich(self, subject: WebhookSubject) -> dict[str, Any]:
        """Ask the enriching webhooks, one after the other, and return their data by name.

        Raises WebhookRefusedError, with the texts of step-ca, and ``unavailable``.
        """
        found: dict[str, Any] = {}
        hooks = self._of(WebhookKind.ENRICHING, subject)
        if not hooks:
            return found
        body = self._body(subject, subject.request())
        for hook in hooks:
            reply = await self._client.call(hook, body, subject.variables, subject.request_id)
            _require_allowed(hook, reply)
            found[hook.name] = reply.data
        return found

    async def authorize(self, subject: WebhookSubject, certificate: Variables, told: str) -> None:
        """Ask the authorizing webhooks about what would be issued. Raises as :meth:`enrich`.

        ``certificate`` builds the member that describes it; ``told`` is what clients of the step API
        are told of a refusal.
        """
        hooks = self._of(WebhookKind.AUTHORIZING, subject)
        if not hooks:
            return
        body = self._body(subject, certificate())
        for hook in hooks:
            reply = await self._client.call(hook, body, subject.variables, subject.request_id)
            # step-ca tells clients no more than this; ACME clients get the webhook's words
            _require_allowed(hook, reply, told=told)

    async def check_challenge(
        self, subject: WebhookSubject, challenge: str, transaction_id: str
    ) -> dict[str, Any] | None:
        """Ask whether a SCEP challenge is right; return the data of those that say so, None if none does.

        Raises ``unavailable`` when one cannot be asked.
        """
        found: dict[str, Any] = {}
        body = _without_empty(
            {
                "provisionerName": self._provisioner,
                **subject.request(),
                "scepChallenge": challenge or None,
                "scepTransactionID": transaction_id or None,
            }
        )
        for hook in self._of(WebhookKind.SCEPCHALLENGE, subject):
            reply = await self._client.call(hook, body, subject.variables, subject.request_id)
            if reply.allow:
                found[hook.name] = reply.data
        return found or None

    def notify(
        self, subject: WebhookSubject, certificate: Variables, *, transaction_id: str = ""
    ) -> None:
        """Tell the notifying webhooks of a certificate, later and without waiting for them.

        ``certificate`` builds the member that describes it.
        """
        self._queue(
            subject,
            lambda: {
                "provisionerName": self._provisioner,
                **subject.request(),
                **certificate(),
                "scepTransactionID": transaction_id or None,
            },
        )

    def notify_failure(
        self, subject: WebhookSubject, transaction_id: str, code: int, description: str
    ) -> None:
        """Tell the notifying webhooks of a SCEP request that failed."""
        self._queue(
            subject,
            lambda: {
                "provisionerName": self._provisioner,
                **subject.request(),
                "scepTransactionID": transaction_id or None,
                "scepErrorCode": code or None,
                "scepErrorDescription": description or None,
            },
        )

    def _queue(self, subject: WebhookSubject, body: Variables) -> None:
        for hook in self._of(WebhookKind.NOTIFYING, subject):
            self._notifications.add(
                Notification(
                    hook, lambda: _without_empty(body()), subject.variables, subject.request_id
                )
            )

    def _of(self, kind: WebhookKind, subject: WebhookSubject) -> list[Webhook]:
        return [hook for hook in self._hooks if hook.is_for(kind, subject.type)]

    def _body(self, subject: WebhookSubject, asked: Mapping[str, Any]) -> Mapping[str, Any]:
        attested = subject.permanent_identifier
        principal = subject.principal
        if subject.certificate and not principal:
            principal = _common_name(subject.certificate)
        return _without_empty(
            {
                "provisionerName": self._provisioner,
                "attestationData": {"permanentIdentifier": attested} if attested else None,
                **asked,
                "x5cCertificate": bodies.proving_certificate(subject.certificate)
                if subject.certificate
                else None,
                "authorizationPrincipal": principal or None,
            }
        )


def _require_allowed(hook: Webhook, reply: WebhookReply, told: str = "") -> None:
    if reply.allow:
        return
    error = reply.error
    if error is None:
        raise WebhookRefusedError(hook.name, told or _DENIED, _DENIED)
    text = f"{error.message} ({error.code})"
    raise WebhookRefusedError(hook.name, told or text, text, error.code, error.message)


def _common_name(certificate: bytes) -> str:
    subject = distinguished_names.decode(
        loading.load_certificate(certificate).subject.public_bytes()
    )
    return next((each.value for each in subject if each.oid == distinguished_names.COMMON_NAME), "")


def _without_empty(members: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in members.items() if value is not None}
