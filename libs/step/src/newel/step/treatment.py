"""What a Newel authority does with a member of ca.json: honour it, refuse to start, or start with a warning."""

import enum
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from newel.durations.go import parse_duration

_LONGEST_BACKDATE = 24 * 3600


class Treatment(enum.Enum):
    """The three answers. There is no fourth one: nothing that a person configured is dropped in silence."""

    HONOURED = "honoured"
    REFUSED = "refused"
    """It decides who gets what and is not implemented: an authority without it would issue too much."""
    WARNED = "warned about"
    """It decides nothing about what is issued; one line at start names what is not there yet."""


def _no_exception(_value: Any) -> bool:
    return False


def _no_problem(_value: Any) -> str:
    return ""


class Member(NamedTuple):
    """One member of an object of ca.json."""

    treatment: Treatment
    says: str
    """What becomes of it; of what is refused or warned about, why."""
    members: "Mapping[str, Member] | None" = None
    """The members of the object, or of each object of the list, that stands here; None: anything may."""
    fits: Callable[[Any], bool] = _no_exception
    """Values of a member that is not honoured which ask for nothing that is missing here."""
    problem: Callable[[Any], str] = _no_problem
    """Why a value cannot be used; "" for one that can."""
    several: bool = False
    """Whether a list of such objects stands here, and no object alone."""


def honoured(
    says: str,
    *,
    members: Mapping[str, Member] | None = None,
    problem: Callable[[Any], str] = _no_problem,
    several: bool = False,
) -> Member:
    """A member that takes effect."""
    return Member(Treatment.HONOURED, says, members, problem=problem, several=several)


def refused(says: str, *, fits: Callable[[Any], bool] = _no_exception) -> Member:
    """A member whose presence keeps the authority from starting."""
    return Member(Treatment.REFUSED, says, fits=fits)


def warned(
    says: str,
    *,
    members: Mapping[str, Member] | None = None,
    fits: Callable[[Any], bool] = _no_exception,
    problem: Callable[[Any], str] = _no_problem,
) -> Member:
    """A member without effect, which is named at start."""
    return Member(Treatment.WARNED, says, members, fits, problem)


def one_of(*values: Any) -> Callable[[Any], bool]:
    """Accepts these values."""
    return lambda value: value in values


def positive_duration(value: Any) -> str:
    """Why a value is no duration longer than nothing; "" for one that is."""
    if value is None or value == "":
        return ""
    try:
        long_enough = isinstance(value, str) and parse_duration(value).total_seconds() > 0
    except ValueError as error:
        return f'{error}; write one like "24h" or "1h30m"'
    return "" if long_enough else 'it must be text like "24h" and more than nothing'


def duration(value: Any) -> str:
    """Why a value is no duration; "" for one that is, zero included."""
    if value == "0" or (isinstance(value, str) and value[:1] == "0" and not value.strip("0smh")):
        return ""
    return positive_duration(value)


def backdate(value: Any) -> str:
    """Why certificates cannot begin so long before now; "" where they can."""
    problem = duration(value)
    if problem or not value or not value.strip("0smh"):
        return problem
    too_long = parse_duration(value).total_seconds() > _LONGEST_BACKDATE
    return "24h is the most: it makes up for clocks that are slow" if too_long else ""


def is_set(value: Any) -> bool:
    """Whether a value asks for anything: empty texts, lists and objects, zero, false and null do not."""
    if isinstance(value, dict):
        return any(map(is_set, value.values()))
    return bool(value)
