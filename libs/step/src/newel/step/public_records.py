"""Records as everyone may see them: without the credentials that stand inside of values."""

import re
from typing import Any, cast

_PUBLIC_OF_WEBHOOKS = ("id", "name", "url", "kind", "certType", "disableTLSClientAuth")
_USER = re.compile(r"(\b[A-Za-z][A-Za-z0-9+.-]*://)[^/?#\s]*@")


def without_passwords(value: Any) -> Any:
    """Return the value without users in URLs and without the credentials of webhooks."""
    if isinstance(value, str):
        return _USER.sub(r"\1", value)
    if isinstance(value, list):
        return [without_passwords(each) for each in cast("list[Any]", value)]
    if not isinstance(value, dict):
        return value
    members = cast("dict[str, Any]", value)
    shown = {name: without_passwords(each) for name, each in members.items()}
    hooks = shown.get("webhooks")
    if isinstance(hooks, list):
        shown["webhooks"] = [_public_webhook(each) for each in cast("list[Any]", hooks)]
    return shown


def _public_webhook(hook: Any) -> dict[str, Any]:
    members = cast("dict[str, Any]", hook) if isinstance(hook, dict) else {}
    return {name: members[name] for name in _PUBLIC_OF_WEBHOOKS if name in members}
