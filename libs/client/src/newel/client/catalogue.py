"""Lists as calls, for administrators: certificates, the endpoints that hold them, alerts about those.

Documents stay as the authority wrote them: a member it adds later reaches programs that print them.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any, Literal, NamedTuple
from urllib.parse import quote, urlencode

from newel.client.answers import members, rows, text, texts
from newel.client.calls import Call, post
from newel.client.errors import AnswerError

LARGEST_PAGE = 1000
Kind = Literal["certificates", "endpoints", "alerts", "deliveries", "silences"]

_PATHS: Mapping[Kind, str] = {
    "certificates": "/inventory/certificates",
    "endpoints": "/inventory/endpoints",
    "alerts": "/alerts",
    "deliveries": "/alerts/deliveries",
    "silences": "/alerts/silences",
}

_LINKS = "/dashboard/links"
_LONGEST_SECONDS = 14 * 86_400
"""Of a link and its session together, as a dashboard may be configured."""


class Page(NamedTuple):
    """Some entries of a list; ``next_cursor`` is ``""`` when there are no more."""

    entries: Sequence[dict[str, Any]]
    next_cursor: str


def entries(
    kind: Kind, filters: Mapping[str, str], *, sort: str, limit: int, cursor: str = ""
) -> Call[Page]:
    """One page of a list. A page may be short, or empty, and still not be the last."""
    query = {**filters, "sort": sort, "limit": str(limit)}
    if cursor:
        query["cursor"] = cursor
    return Call("GET", f"{_PATHS[kind]}?{urlencode(query)}", lambda body: _page(body, kind))


def certificate(serial: str) -> Call[dict[str, Any]]:
    """One certificate, by its serial number in hexadecimal."""
    return _entry("certificates", serial)


def endpoint(identifier: str) -> Call[dict[str, Any]]:
    """One endpoint with its lineage: ``certificates``, the one that ends last first."""
    return _entry("endpoints", identifier)


def alert(identifier: str) -> Call[dict[str, Any]]:
    """One alert with its ``deliveries``: what each channel was told or is still to be told."""
    return _entry("alerts", identifier)


def usage(month: str = "") -> Call[dict[str, Any]]:
    """Get what was used in a month (``2026-11``; by default the current one): ``usages`` and ``total``.

    There is a usage for each provisioner of each authority: ``endpoint_months``, ``certificate_months``,
    and the whole seconds that they are made of.
    """
    query = f"?{urlencode({'month': month})}" if month else ""
    return Call("GET", f"/inventory/metering{query}", members)


def usage_csv(month: str = "") -> Call[str]:
    """Get the same as CSV (RFC 4180), a row for each usage."""
    query = urlencode({"format": "csv"} | ({"month": month} if month else {}))
    return Call("GET", f"/inventory/metering?{query}", lambda body: body.decode())


def metadata(filters: Mapping[str, str], *, limit: int, cursor: str = "") -> Call[Page]:
    """One page of metadata: ``kind``, ``key``, ``provisioner`` and ``entries`` of each record."""
    query = {**filters, "limit": str(limit)} | ({"cursor": cursor} if cursor else {})
    return Call(
        "GET", f"/inventory/metadata?{urlencode(query)}", lambda body: _page(body, "metadata")
    )


def import_metadata(content: bytes, media_type: str, *, dry_run: bool) -> Call[dict[str, Any]]:
    """Write all records of a file, or none: how many are ``created``, ``changed`` and ``unchanged``.

    The file is ``text/csv``, ``application/json`` or ``application/x-ndjson``; with ``dry_run`` it is
    only checked.
    """
    path = f"/inventory/metadata?dry_run={'true' if dry_run else 'false'}"
    return Call("POST", path, members, content, {"Content-Type": media_type})


def administrator() -> Call[dict[str, Any]]:
    """Tell who calls: ``subject``, the ``serial`` of the certificate, and the ``role``."""
    return Call("GET", "/inventory/administrator", members)


class DashboardLink(NamedTuple):
    """Where the dashboard logs an administrator in, once."""

    path: str
    """Below the authority's address; it holds a secret."""
    expires_at: str


class DashboardProof(NamedTuple):
    """What a dashboard wants from who asks for a link."""

    by_certificate: bool
    """Whether the client certificate of an administrator does."""
    interfaces: Sequence[str]
    """Else: the interfaces of which each wants a delegation (``newel.step.delegations``)."""
    seconds: int
    """How long the delegations should last."""


def dashboard_proof() -> Call[DashboardProof]:
    """Ask how an administrator is to be proved for a link into the dashboard."""

    def read(body: bytes) -> DashboardProof:
        found = members(body)
        seconds = found.get("seconds")
        if not isinstance(seconds, int) or not 0 < seconds <= _LONGEST_SECONDS:
            raise AnswerError("the dashboard does not say how long delegations should last")
        return DashboardProof(
            "certificate" in texts(found, "proofs"), texts(found, "interfaces"), seconds
        )

    return Call("GET", _LINKS, read)


def dashboard_link(delegations: Mapping[str, str] | None = None) -> Call[DashboardLink]:
    """Get a one-time link into the dashboard, for the administrator who calls, or who delegates."""

    def read(body: bytes) -> DashboardLink:
        found = members(body)
        return DashboardLink(text(found, "path"), text(found, "expires_at"))

    if delegations is None:
        return Call("POST", _LINKS, read)
    return post(_LINKS, {"delegations": dict(delegations)}, read)


def channels() -> Call[Sequence[dict[str, Any]]]:
    """List the channels of alerting: ``name`` and ``kind`` of each."""
    return Call("GET", "/alerts/channels", lambda body: rows(members(body), "channels"))


def try_channel(name: str) -> Call[dict[str, Any]]:
    """Send a test message to a channel: ``delivered``, or the ``error``."""
    return Call("POST", f"/alerts/channels/{quote(name, safe='')}/test", members)


def acknowledge(identifier: str, note: str) -> Call[dict[str, Any]]:
    """Say that the caller looks after an alert, which ends its escalation; the answer is the alert."""
    return post(f"{_alert_path(identifier)}/acknowledge", {"note": note}, members)


def silence(document: Mapping[str, str]) -> Call[dict[str, Any]]:
    """Hold back the alerts that match patterns, until ``ends_at``; the answer is the silence."""
    return post(_PATHS["silences"], dict(document), members)


def end_silence(identifier: str) -> Call[dict[str, Any]]:
    """End a silence before its time; the answer is the silence."""
    return Call("POST", f"{_PATHS['silences']}/{quote(identifier, safe='')}/end", members)


def retry(key: str) -> Call[dict[str, Any]]:
    """Try a delivery again that has failed for good; the answer is the delivery."""
    return Call("POST", f"{_PATHS['deliveries']}/{quote(key, safe='')}/retry", members)


def _alert_path(identifier: str) -> str:
    return f"{_PATHS['alerts']}/{quote(identifier, safe='')}"


LARGEST_REVOCATION = 64
"""Certificates that one call revokes."""


def revoke(
    certificates: Sequence[Mapping[str, Any]], *, reason: int = 0, comment: str = ""
) -> Call[Sequence[dict[str, Any]]]:
    """Revoke at most 64 certificates, each by itself, as an operator or administrator.

    ``certificates`` are entries of the list, of which ``serial`` and ``type`` are read; ``reason`` is one of
    RFC 5280 §5.3.1. The answer has the ``serial``, ``outcome`` and ``detail`` of each, in order: the outcome
    is ``revoked``, or an error like ``alreadyRevoked``, ``notFound`` and ``unavailable``.
    """
    wanted = [{"serial": each["serial"], "type": each.get("type", "x509")} for each in certificates]
    body = json.dumps({"certificates": wanted, "reason": reason, "comment": comment}).encode()
    headers = {"Content-Type": "application/json"}
    return Call(
        "POST",
        "/revocations",
        lambda answer: rows(members(answer), "certificates"),
        body=body,
        headers=headers,
    )


def block_key(digest: str, *, comment: str = "") -> Call[dict[str, Any]]:
    """Declare a key compromised, as an operator or administrator, whether or not it has a certificate.

    ``digest`` is the SHA-256 of its SubjectPublicKeyInfo in hexadecimal. The answer has the ``key``, and
    ``blocked_before`` when it was declared before.
    """
    return post(f"/revocations/keys/{quote(digest, safe='')}", {"comment": comment}, members)


def _entry(kind: Kind, identifier: str) -> Call[dict[str, Any]]:
    return Call("GET", f"{_PATHS[kind]}/{quote(identifier, safe='')}", members)


def _page(body: bytes, member: str) -> Page:
    found = members(body)
    following = found.get("next")
    if following is not None and not isinstance(following, str):
        raise AnswerError("the authority's answer cannot be read: its cursor is no text")
    return Page(rows(found, member), following or "")
