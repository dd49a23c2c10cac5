"""One webhook: its address, which may be a template, its signature and its credentials."""

import base64
import hashlib
import hmac
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlsplit

from newel.gotemplate.budget import Environment, Limits
from newel.gotemplate.errors import TemplateError
from newel.gotemplate.functions.catalogue import FUNCTIONS
from newel.gotemplate.template import Template
from newel.registration.errors import misconfiguration_error
from newel.step.webhooks import WebhookCertificateType, WebhookConfig, WebhookKind

_LIMITS = Limits(steps=5_000, octets=1 << 16, output=8192)

Variables = Callable[[], Mapping[str, Any]]
"""Builds data of a request, by name: what templates see, or a body's members. Called only where it is needed."""


class Webhook:
    """A webhook of one provisioner, checked and compiled when the provisioner is loaded."""

    def __init__(self, record: WebhookConfig) -> None:
        """Compile the address. Raises ValueError."""
        self.record = record
        self.name = record.name
        self.kind = record.kind
        self.host = urlsplit(record.url).netloc.lower()
        self._template: Template | None = None
        if "{{" in record.url:
            try:
                self._template = Template(record.url, FUNCTIONS, "url")
            except TemplateError as error:
                raise ValueError(f"options.webhooks: url of {record.name}: {error}") from None

    def is_for(self, kind: WebhookKind, certificate_type: WebhookCertificateType) -> bool:
        """Tell whether it is called at this step for this type of certificate."""
        own = self.record.cert_type
        return self.kind is kind and own in {WebhookCertificateType.ALL, certificate_type}

    def url(self, variables: Variables, environment: Environment) -> str:
        """Return the address for one request.

        Raises ``serverInternal`` when the template fails or leads to another host: data of a request
        may choose a path, never who is asked.
        """
        if self._template is None:
            return self.record.url
        try:
            url = self._template.render(variables(), environment, _LIMITS)
            parts = urlsplit(url)
            same = parts.scheme == "https" and parts.netloc.lower() == self.host
        except (TemplateError, ValueError) as error:
            raise misconfiguration_error(f"the url of the webhook {self.name}: {error}") from None
        if not same or not url.isprintable() or " " in url or "\\" in url:
            raise misconfiguration_error(
                f"the url of the webhook {self.name} leads away from {self.host}, or is no URL"
            )
        return url

    def headers(self, body: bytes, request_id: str) -> dict[str, str]:
        """Return the headers of a call: the body's signature, the webhook's id, its credentials."""
        record = self.record
        found = {"Content-Type": "application/json"}
        if request_id:
            found["X-Request-Id"] = request_id
        if record.secret:
            signature = hmac.new(record.key, body, hashlib.sha256).hexdigest()
            found["X-Smallstep-Signature"] = signature
        if record.id:
            found["X-Smallstep-Webhook-ID"] = record.id
        if record.bearer_token:
            found["Authorization"] = f"Bearer {record.bearer_token}"
        elif record.basic_auth is not None:
            pair = f"{record.basic_auth.username}:{record.basic_auth.password}"
            found["Authorization"] = "Basic " + base64.b64encode(pair.encode()).decode()
        return found
