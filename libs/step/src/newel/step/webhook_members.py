"""The members of a webhook in ca.json, and what a Newel authority does with them."""

from collections.abc import Mapping
from typing import Any, cast

from newel.step.treatment import Member, honour
from newel.step.webhooks import MOST_WEBHOOKS, read_webhooks, respell

WEBHOOK: Mapping[str, Member] = {
    "id": honour("told to the webhook"),
    "name": honour("the name: templates see its data as .Webhooks.NAME"),
    "url": honour("where it is, https; behind the host a template"),
    "kind": honour("ENRICHING, AUTHORIZING, SCEPCHALLENGE or NOTIFYING"),
    "certType": honour("ALL (default), X509 or SSH"),
    "disableTLSClientAuth": honour("this server shows it no certificate"),
    "secret": honour("base64 of the key that signs the bodies; the step tools do not read it here"),
    "bearerToken": honour("a credential; the step tools do not read it here"),
    "basicAuth": honour(
        "a credential; the step tools do not read it here",
        members={"username": honour("the user"), "password": honour("the password")},
    ),
}


def check_webhook(value: Any) -> str:
    """Return what is wrong with one webhook; "" for one that can be used."""
    if isinstance(value, dict) and not _has_known_members(cast("dict[str, Any]", value), WEBHOOK):
        return ""  # the unknown member is reported, and may be the one that seems to be missing
    try:
        read_webhooks({"webhooks": [value]})
    except ValueError as error:
        return str(error).removeprefix("options.webhooks[0]").lstrip(".: ")
    return ""


def _has_known_members(value: dict[str, Any], members: Mapping[str, Member]) -> bool:
    known = {name.lower(): member for name, member in members.items()}
    for name, inner in value.items():
        member = known.get(name.lower())
        if member is None:
            return False
        if member.members is not None and isinstance(inner, dict):
            own = cast("dict[str, Any]", inner)
            if not _has_known_members(own, member.members):
                return False
    return True


def check_webhooks(value: Any) -> str:
    """Return what is wrong with the list; its items are looked at one by one."""
    if not isinstance(value, list):
        return ""
    names: list[str] = []
    for each in cast("list[Any]", value):
        record = respell(cast("dict[str, Any]", each)) if isinstance(each, dict) else {}
        names.append(f"{record.get('name')} {record.get('kind')}")
    if len(names) > MOST_WEBHOOKS:
        return f"more than {MOST_WEBHOOKS} webhooks"
    return "two have the same name and kind" if len(set(names)) < len(names) else ""
