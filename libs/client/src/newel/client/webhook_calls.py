"""Webhooks of provisioners, part of remote management: calls as values, like `newel.client.admin_calls`."""

from typing import Any

from newel.client import provisioner_calls
from newel.client.admin_calls import change, nothing, segment
from newel.client.answers import members
from newel.client.calls import Call


def create_webhook(provisioner: str, webhook: dict[str, Any]) -> Call[dict[str, Any]]:
    """Create a webhook; only this answer holds its secret."""
    return change("POST", f"{provisioner_calls.path(provisioner)}/webhooks", webhook, members)


def update_webhook(provisioner: str, webhook: dict[str, Any]) -> Call[dict[str, Any]]:
    """Another content for the webhook of that name."""
    return change("PUT", path(provisioner, str(webhook["name"])), webhook, members)


def remove_webhook(provisioner: str, name: str) -> Call[None]:
    """Remove a webhook."""
    return Call("DELETE", path(provisioner, name), nothing)


def path(provisioner: str, name: str) -> str:
    """Where one webhook stands."""
    return f"{provisioner_calls.path(provisioner)}/webhooks/{segment(name)}"
