"""CAA records: whether those of a domain let an authority issue (RFC 8659, with RFC 8657)."""

import re
from collections.abc import Callable, Sequence
from typing import NamedTuple

ACCOUNT_URI = "accounturi"
VALIDATION_METHODS = "validationmethods"

_ISSUE = "issue"
_ISSUE_WILD = "issuewild"
_KNOWN = frozenset({_ISSUE, _ISSUE_WILD, "iodef", "issuemail"})
"""Properties whose meaning is known here: the last two do not restrict certificates of servers."""
_CRITICAL = 0x80
_SPACE = " \t"
_DOMAIN = re.compile(r"[A-Za-z0-9](?:-*[A-Za-z0-9])*(?:\.[A-Za-z0-9](?:-*[A-Za-z0-9])*)*", re.ASCII)
_PARAMETER = re.compile(r"([A-Za-z0-9](?:-*[A-Za-z0-9])*)[ \t]*=[ \t]*([\x21-\x3a\x3c-\x7e]*)")
_MAX_SHOWN = 100  # characters of a value
_MAX_REASONS = 4


class CAARecord(NamedTuple):
    """One property of a domain (RFC 8659 §4.1)."""

    flags: int
    tag: str
    value: bytes

    def __str__(self) -> str:
        """Return the record for people: escaped, and no longer than a line."""
        value = self.value.decode("ascii", "backslashreplace")
        shown = "".join(each if each.isprintable() else f"\\x{ord(each):02x}" for each in value)
        short = shown if len(shown) <= _MAX_SHOWN else f"{shown[:_MAX_SHOWN]}…"
        return f'{self.tag[:32]} "{short}"'


class CAAQuestion(NamedTuple):
    """Who wants to issue, and for whom."""

    identities: frozenset[str]
    """The authority's issuer domain names, in lower case."""
    is_wildcard: bool
    method: str
    """The challenge type that proved the name; ``""``: none did."""
    is_account: Callable[[str], bool]
    """Tells whether a URI is that of the account, compared whole (RFC 8657 §3)."""


class IssueValue(NamedTuple):
    """The value of an ``issue`` or ``issuewild`` property (RFC 8659 §4.2)."""

    domain: str
    """In lower case; ``""``: of no authority."""
    parameters: tuple[tuple[str, str], ...]
    """Names in lower case, and values."""


def is_issuer_domain(text: str) -> bool:
    """Tell whether a text is an issuer domain name (RFC 8659 §4.2)."""
    return len(text) <= 253 and _DOMAIN.fullmatch(text) is not None


def parse_issue_value(value: bytes) -> IssueValue | None:
    """Parse the value of an issue property; None when it is malformed."""
    try:
        domain, _, rest = value.decode("ascii").partition(";")
    except UnicodeDecodeError:
        return None
    domain, rest = domain.strip(_SPACE), rest.strip(_SPACE)
    if domain and not is_issuer_domain(domain):
        return None
    parameters: list[tuple[str, str]] = []
    for part in rest.split(";") if rest else ():
        found = _PARAMETER.fullmatch(part.strip(_SPACE))
        if found is None:
            return None
        parameters.append((found[1].lower(), found[2]))
    return IssueValue(domain.lower(), tuple(parameters))


def find_refusal(records: Sequence[CAARecord], question: CAAQuestion) -> str:
    """Return why the relevant records of a domain forbid issuing; ``""`` when they do not.

    Records that say nothing about issuing do not restrict it. For a wildcard the ``issuewild`` properties
    count, and the ``issue`` ones where there are none (RFC 8659 §4.3).
    """
    for each in records:
        if each.flags & _CRITICAL and each.tag.lower() not in _KNOWN:
            return f"{each} is critical and not known here"
    relevant = [each for each in records if each.tag.lower() == _ISSUE_WILD]
    if not question.is_wildcard or not relevant:
        relevant = [each for each in records if each.tag.lower() == _ISSUE]
    reasons = [_refuse(each, question) for each in relevant]
    if "" in reasons:
        return ""
    more = len(reasons) - _MAX_REASONS
    return ", ".join(reasons[:_MAX_REASONS]) + (f", and {more} more" if more > 0 else "")


def _refuse(record: CAARecord, question: CAAQuestion) -> str:
    """Return why one issue property does not let the authority issue, or ""."""
    value = parse_issue_value(record.value)
    if value is None:
        return f"{record} is malformed"
    if not value.domain:
        return f"{record} lets no authority issue"
    if value.domain not in question.identities:
        return f"{record} names another authority"
    reason = _refuse_parameters(value.parameters, question)
    return f"{record} {reason}" if reason else ""


def _refuse_parameters(parameters: Sequence[tuple[str, str]], question: CAAQuestion) -> str:
    """Return why the parameters of RFC 8657 do not let the authority issue, or ""."""
    reason = ""
    names = [name for name, _ in parameters]
    if len(set(names)) < len(names):
        return "has a parameter twice"
    for name, text in parameters:
        if name == ACCOUNT_URI:
            if not question.is_account(text):
                reason = "is for another account"
        elif name == VALIDATION_METHODS:
            if not question.method or question.method not in text.split(","):
                reason = f"is for other methods than {question.method or 'no challenge'}"
        else:
            reason = f"has a parameter that is not known here: {name[:32]}"
    return reason
