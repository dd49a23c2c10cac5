"""Provisioners by remote management, in its own words (see `newel.step.managed`): calls as values."""

from typing import Any

from newel.client.admin_calls import change, nothing, segment
from newel.client.answers import members
from newel.client.calls import Call


def create(provisioner: dict[str, Any]) -> Call[dict[str, Any]]:
    """Create a provisioner."""
    return change("POST", "/admin/provisioners", provisioner, members)


def get(name: str) -> Call[dict[str, Any]]:
    """Read the provisioner of that name."""
    return Call("GET", path(name), members)


def update(name: str, provisioner: dict[str, Any]) -> Call[dict[str, Any]]:
    """Another content for the one that has this name so far."""
    return change("PUT", path(name), provisioner, members)


def remove(name: str) -> Call[None]:
    """Remove a provisioner."""
    return Call("DELETE", path(name), nothing)


def path(name: str) -> str:
    """Where one provisioner stands."""
    return f"/admin/provisioners/{segment(name)}"
