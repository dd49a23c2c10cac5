"""The members of an ACME provisioner's profiles, and what a Newel authority does with them."""

import re
from collections.abc import Mapping
from typing import Any, cast

from newel.step.treatment import Member, honour, honour_duration, object_or_none, text

_PROFILE_NAME = re.compile(r"[A-Za-z0-9._-]{1,64}")
_LONGEST_DESCRIPTION = 512
_MOST_PROFILES = 32

TLS_CLAIMS: Mapping[str, Member] = {
    "minTLSCertDuration": honour_duration("the shortest validity, default 5m"),
    "maxTLSCertDuration": honour_duration("the longest validity, default 24h"),
    "defaultTLSCertDuration": honour_duration(
        "the validity where the request names none, default 24h"
    ),
}
_PROFILE: Mapping[str, Member] = {
    "name": honour("the name that orders give"),
    "description": honour("shown: a text or a URL for people"),
    "claims": honour(
        "limits of its certificates; what is not set is inherited", members=TLS_CLAIMS
    ),
    "template": honour("its template, or base64 of it; else that of the provisioner", problem=text),
    "templateData": honour("the template's own variables", problem=object_or_none),
    "profile": honour("the certificate profile of the issuing authority"),
}


def _profile(value: Any) -> str:
    """Return why the value cannot be a profile, or ""."""
    members = cast("dict[str, Any]", value) if isinstance(value, dict) else {}
    name = members.get("name")
    if not isinstance(name, str) or not _PROFILE_NAME.fullmatch(name):
        return "a profile needs a name of at most 64 letters, digits, '.', '_' and '-'"
    description = members.get("description") or ""
    if not isinstance(description, str) or len(description) > _LONGEST_DESCRIPTION:
        return f"the description must be text of at most {_LONGEST_DESCRIPTION} characters"
    return ""


def _profiles(value: Any) -> str:
    """Return why the value cannot be a list of profiles, or ""."""
    given = cast("list[Any]", value) if isinstance(value, list) else []
    if len(given) > _MOST_PROFILES:
        return f"at most {_MOST_PROFILES} profiles"
    names = [
        str(cast("dict[str, Any]", each).get("name")) for each in given if isinstance(each, dict)
    ]
    twice = next((name for name in names if names.count(name) > 1), None)
    return f"the profile {twice!r} is given twice" if twice else ""


PROFILES = honour(
    "what an order can choose from; the first where it chooses none",
    members=_PROFILE,
    problem=_profiles,
    several=True,
    item_problem=_profile,
)
