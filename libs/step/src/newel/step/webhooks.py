"""Webhooks as ``options.webhooks`` of ca.json and remote management carry them.

The step tools keep the credentials of webhooks in their database only; here ca.json may have them too.
Nothing in a listing shows them.
"""

import base64
import binascii
import enum
from collections.abc import Mapping
from typing import Any, cast
from urllib.parse import urlsplit

import msgspec

MOST_WEBHOOKS = 16
"""Webhooks of one provisioner."""

_SPELLINGS = {
    name.lower(): name
    for name in (
        "id", "name", "url", "kind", "certType", "disableTLSClientAuth", "secret", "bearerToken",
        "basicAuth",
    )
}  # fmt: skip # a table


class WebhookKind(enum.StrEnum):
    """When a webhook is called."""

    ENRICHING = "ENRICHING"
    """Before the template, which sees its data."""
    AUTHORIZING = "AUTHORIZING"
    """After the template, with what would be issued."""
    SCEPCHALLENGE = "SCEPCHALLENGE"
    """To judge the challenge of a SCEP request."""
    NOTIFYING = "NOTIFYING"
    """After the decision; its answer changes nothing."""


class WebhookCertificateType(enum.StrEnum):
    """The certificates a webhook is called for."""

    ALL = "ALL"
    X509 = "X509"
    SSH = "SSH"


class BasicAuth(msgspec.Struct, frozen=True):
    """Credentials of RFC 7617."""

    username: str = ""
    password: str = ""


class WebhookConfig(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True, rename="camel"):
    """One webhook with its credentials."""

    name: str
    url: str
    """https; what follows the host may be a Go template over the data of certificate templates."""
    kind: WebhookKind
    id: str = ""
    cert_type: WebhookCertificateType = WebhookCertificateType.ALL
    disable_tls_client_auth: bool = msgspec.field(default=False, name="disableTLSClientAuth")
    secret: str = ""
    """base64 of the key that signs the bodies (HMAC with SHA-256); empty: they are not signed."""
    bearer_token: str = ""
    basic_auth: BasicAuth | None = None

    @property
    def key(self) -> bytes:
        """The octets of the secret."""
        return base64.b64decode(self.secret)


def read_webhooks(options: Mapping[str, Any] | None) -> tuple[WebhookConfig, ...]:
    """Read ``webhooks`` of a provisioner's options. Raises ValueError with the member at fault."""
    given: Any = (options or {}).get("webhooks") or ()
    if not isinstance(given, list | tuple):
        raise ValueError("options.webhooks: it is not a list")  # noqa: TRY004 - of a configuration
    entries = cast("list[Any]", given)
    if len(entries) > MOST_WEBHOOKS:
        raise ValueError(f"options.webhooks: more than {MOST_WEBHOOKS}")
    found = tuple(_read(entry, f"options.webhooks[{at}]") for at, entry in enumerate(entries))
    names = [(each.name, each.kind) for each in found]
    if len(set(names)) != len(names):
        raise ValueError("options.webhooks: two have the same name and kind")
    return found


def respell(entry: Mapping[str, Any]) -> dict[str, Any]:
    """Return the members of a webhook that are set, with names and words spelled as the table has them."""
    members = {
        _SPELLINGS.get(str(name).lower(), str(name)): value
        for name, value in entry.items()
        if value is not None
    }
    for name in ("kind", "certType"):
        if isinstance(members.get(name), str):
            members[name] = members[name].upper()
    return members


def _read(entry: Any, path: str) -> WebhookConfig:
    if not isinstance(entry, dict):
        raise ValueError(f"{path}: it is not an object")  # noqa: TRY004 - of a configuration
    members = respell(cast("dict[str, Any]", entry))
    if not members.get("certType"):
        members.pop("certType", None)
    for name in ("name", "url", "kind"):
        if not members.get(name):
            raise ValueError(f"{path}.{name}: webhook {name} is required")
    if members["kind"] not in WebhookKind.__members__:
        raise ValueError(
            f"{path}.kind: webhook kind is invalid; known are {', '.join(WebhookKind)}"
        )
    try:
        webhook = msgspec.convert(members, WebhookConfig)
    except msgspec.ValidationError as error:
        raise ValueError(f"{path}: {error}") from None
    problem = _check_url(webhook.url)
    if problem:
        raise ValueError(f"{path}.url: {problem}")
    _check_credentials(webhook, path)
    return webhook


def _check_url(url: str) -> str:
    """Return why a URL cannot be a webhook's, in the words of the step tools; "" for one that can."""
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        return "webhook url is invalid"
    if parts.username is not None or parts.password is not None:
        return "webhook url may not contain username or password"
    if not parts.hostname or any(char in parts.netloc for char in "{}<>\"' "):
        return "webhook url is invalid"
    return "" if parts.scheme == "https" else "webhook url must use https"


def _check_credentials(webhook: WebhookConfig, path: str) -> None:
    try:
        base64.b64decode(webhook.secret, validate=True)
    except (binascii.Error, ValueError):
        raise ValueError(f"{path}.secret: it is not base64") from None
    basic = webhook.basic_auth
    credentials = (
        webhook.bearer_token,
        basic.username if basic else "",
        basic.password if basic else "",
    )
    if any(not each.isprintable() or not each.isascii() for each in credentials):
        raise ValueError(f"{path}: credentials are printable ASCII")
    if webhook.bearer_token and basic:
        raise ValueError(
            f"{path}: it has bearerToken and basicAuth, and one header carries only one"
        )
