"""What an authority does with a member of ca.json: apply it, refuse to start, or warn."""

import enum
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, cast

from newel.durations.go import parse_duration

_LONGEST_BACKDATE = 24 * 3600


class Treatment(enum.Enum):
    """What happens to a member: it is never ignored without a report."""

    HONOURED = "honoured"
    REFUSED = "refused"
    """It restricts what is issued and is not implemented: without it too much would be issued."""
    WARNED = "warned about"
    """It does not affect what is issued; one line at start names what is missing."""


def _no_exception(_value: Any) -> bool:
    return False


def _no_problem(_value: Any) -> str:
    return ""


class Member(NamedTuple):
    """One member of an object of ca.json."""

    treatment: Treatment
    says: str
    """The effect of the member, or why it is refused or warned about."""
    members: "Mapping[str, Member] | None" = None
    """The members of the object, or of each object of the list; None for any."""
    fits: Callable[[Any], bool] = _no_exception
    """Which values of a member without effect ask for nothing that is missing."""
    problem: Callable[[Any], str] = _no_problem
    """Why a value cannot be used; "" for one that can."""
    several: bool = False
    """Whether the value is a list of such objects."""
    item_problem: Callable[[Any], str] = _no_problem
    """Why one item of a list cannot be used; "" for one that can."""


def honour(
    says: str,
    *,
    members: Mapping[str, Member] | None = None,
    problem: Callable[[Any], str] = _no_problem,
    several: bool = False,
    item_problem: Callable[[Any], str] = _no_problem,
) -> Member:
    """Return a member that takes effect."""
    return Member(
        Treatment.HONOURED,
        says,
        members,
        problem=problem,
        several=several,
        item_problem=item_problem,
    )


def refuse(says: str, *, fits: Callable[[Any], bool] = _no_exception) -> Member:
    """Return a member whose presence keeps the authority from starting."""
    return Member(Treatment.REFUSED, says, fits=fits)


def warn(
    says: str,
    *,
    members: Mapping[str, Member] | None = None,
    fits: Callable[[Any], bool] = _no_exception,
    problem: Callable[[Any], str] = _no_problem,
) -> Member:
    """Return a member without effect, which is reported at start."""
    return Member(Treatment.WARNED, says, members, fits, problem)


def one_of(*values: Any) -> Callable[[Any], bool]:
    """Return a test that accepts these values."""
    return lambda value: value in values


def object_or_none(value: Any) -> str:
    """Return why a value is not an object, or ""."""
    return "" if value is None or isinstance(value, dict) else "it must be an object"


def positive_duration(value: Any) -> str:
    """Return why a value is not a positive duration, or ""."""
    if value is None or value == "":
        return ""
    try:
        long_enough = isinstance(value, str) and parse_duration(value).total_seconds() > 0
    except ValueError as error:
        return f'{error}; write one like "24h" or "1h30m"'
    return "" if long_enough else 'it must be text like "24h" and more than nothing'


def duration(value: Any) -> str:
    """Return why a value is not a duration, or ""; zero is one."""
    if value == "0" or (isinstance(value, str) and value[:1] == "0" and not value.strip("0smh")):
        return ""
    return positive_duration(value)


def backdate(value: Any) -> str:
    """Return why certificates cannot be backdated so far, or ""."""
    problem = duration(value)
    if problem or not value or not value.strip("0smh"):
        return problem
    too_long = parse_duration(value).total_seconds() > _LONGEST_BACKDATE
    return "24h is the most: it makes up for clocks that are slow" if too_long else ""


def text(value: Any) -> str:
    """Return why a value is not text, or ""."""
    return "" if value is None or isinstance(value, str) else "it must be text"


def is_set(value: Any) -> bool:
    """Tell whether a value asks for anything: empty texts, lists and objects, zero, false and null do not."""
    if isinstance(value, dict):
        return any(map(is_set, cast("dict[str, Any]", value).values()))
    return bool(value)


def honour_duration(says: str) -> Member:
    """Return a member that takes effect and is a positive duration."""
    return honour(says, problem=positive_duration)
