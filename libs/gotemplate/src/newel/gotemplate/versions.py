"""Versions (semver.org 2.0.0) and constraints on them, as templates compare them."""

import re
from collections.abc import Callable
from typing import NamedTuple

from newel.gotemplate.calls import declare
from newel.gotemplate.errors import CallError
from newel.gotemplate.values import Uint64

_LARGEST = (1 << 64) - 1
LONGEST = 1024
_VERSION = re.compile(
    r"v?(0|[1-9][0-9]*)(?:\.(0|[1-9][0-9]*))?(?:\.(0|[1-9][0-9]*))?"
    r"(?:-((?:0|[1-9][0-9]*|[0-9]*[a-zA-Z-][0-9a-zA-Z-]*)"
    r"(?:\.(?:0|[1-9][0-9]*|[0-9]*[a-zA-Z-][0-9a-zA-Z-]*))*))?"
    r"(?:\+([0-9a-zA-Z-]+(?:\.[0-9a-zA-Z-]+)*))?"
)
_PART = (
    r"v?([0-9|xX*]+)(\.[0-9|xX*]+)?(\.[0-9|xX*]+)?"
    r"(-(?:[0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*))?(?:\+(?:[0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*))?"
)
_OPERATORS = r"!=|>=|=>|<=|=<|~>|=|>|<|~|\^|"
_ONE = re.compile(rf"\s*({_OPERATORS})\s*{_PART}\s*")
RANGE = re.compile(rf"\s*({_PART})\s+-\s+({_PART})\s*")
_UNKNOWN = {"x", "X", "*"}


class Version(str):
    """A version, as Go prints it; its numbers and identifiers besides."""

    __slots__ = ("metadata", "numbers", "original", "prerelease")
    go_type = "*semver.Version"

    numbers: tuple[int, int, int]
    prerelease: str
    metadata: str
    original: str

    @classmethod
    def parse(cls, text: str) -> "Version":
        """Parse a version, maybe without minor and patch. Raises CallError."""
        match = _VERSION.fullmatch(text) if len(text) <= LONGEST else None
        if match is None:
            raise CallError("Invalid Semantic Version")
        major, minor, patch = (int(each or 0) for each in match.group(1, 2, 3))
        if max(major, minor, patch) > _LARGEST:
            raise CallError("Error parsing version segment")
        pre, metadata = match[4] or "", match[5] or ""
        shown = f"{major}.{minor}.{patch}{'-' + pre if pre else ''}"
        version = cls(f"{shown}+{metadata}" if metadata else shown)
        version.numbers, version.prerelease = (major, minor, patch), pre
        version.metadata, version.original = metadata, text
        return version

    def compare(self, other: "Version") -> int:
        """Return -1, 0 or 1 by precedence (semver.org §11)."""
        if self.numbers != other.numbers:
            return 1 if self.numbers > other.numbers else -1
        if self.prerelease == other.prerelease:
            return 0
        if not self.prerelease or not other.prerelease:
            return 1 if not self.prerelease else -1
        return 1 if _precedence(self.prerelease) > _precedence(other.prerelease) else -1


def _precedence(identifiers: str) -> list[tuple[int, int, str]]:
    return [
        (0, int(each), "") if each.isdecimal() else (1, 0, each) for each in identifiers.split(".")
    ]


class Constraint(NamedTuple):
    """An operator and a version, of which the end may be unknown (``1.x``)."""

    operator: str
    version: Version
    known: int
    """How many of major, minor and patch are known."""

    def allows(self, version: Version) -> bool:
        """Tell whether a version satisfies it; prereleases only those that name one."""
        whole = self.known == 3
        before = bool(version.prerelease and not self.version.prerelease)
        if self.operator == "!=":
            return not (before and not whole) and not self._is_same(version)
        return not before and _CHECKS[self.operator](self, version)

    def _is_same(self, version: Version) -> bool:
        if self.known in {0, 3}:
            return version.compare(self.version) == 0
        if self.known == 2 and (version.prerelease or self.version.prerelease):
            same = version.numbers[:2] == self.version.numbers[:2]
            return same and version.prerelease == self.version.prerelease
        return version.numbers[: self.known] == self.version.numbers[: self.known]

    def is_equal(self, version: Version) -> bool:
        """``=``; of a version with an unknown end the same as ``~``."""
        return self.is_near(version) if self.known < 3 else version.compare(self.version) == 0

    def is_greater(self, version: Version) -> bool:
        """``>``; than every version that an unknown end stands for."""
        if self.known == 3:
            return version.compare(self.version) > 0
        if self.known == 0:
            return version.numbers[0] > self.version.numbers[0] or (
                version.numbers[0] == 0 and version.compare(self.version) > 0
            )
        return version.numbers[: self.known] > self.version.numbers[: self.known]

    def is_less(self, version: Version) -> bool:
        """``<``."""
        return version.compare(self.version) < 0

    def is_at_least(self, version: Version) -> bool:
        """``>=``."""
        return version.compare(self.version) >= 0

    def is_at_most(self, version: Version) -> bool:
        """``<=``; or one that an unknown end stands for."""
        if self.known == 3:
            return version.compare(self.version) <= 0
        own, theirs = self.version.numbers, version.numbers
        if theirs[0] > own[0]:
            return False
        return not (theirs[0] == own[0] and theirs[1] > own[1] and self.known != 1)

    def is_near(self, version: Version) -> bool:
        """``~``: the same minor version, or the same major one where no minor is given."""
        if version.compare(self.version) < 0:
            return False
        if self.version.numbers == (0, 0, 0) and self.known in {0, 3}:
            return True
        if version.numbers[0] != self.version.numbers[0]:
            return False
        return self.known == 1 or version.numbers[1] == self.version.numbers[1]

    def is_compatible(self, version: Version) -> bool:
        """``^``: the first number that is not zero stays."""
        own, theirs = self.version.numbers, version.numbers
        if version.compare(self.version) < 0:
            return False
        if own[0] > 0 or self.known == 1:
            return theirs[0] == own[0]
        if theirs[0] > 0:
            return False
        if own[1] > 0 or self.known == 2:
            return theirs[1] == own[1]
        return theirs[1] == 0 and theirs[2] == own[2]


_CHECKS: dict[str, Callable[[Constraint, Version], bool]] = {
    "": Constraint.is_equal,
    "=": Constraint.is_equal,
    ">": Constraint.is_greater,
    "<": Constraint.is_less,
    ">=": Constraint.is_at_least,
    "=>": Constraint.is_at_least,
    "<=": Constraint.is_at_most,
    "=<": Constraint.is_at_most,
    "~": Constraint.is_near,
    "~>": Constraint.is_near,
    "^": Constraint.is_compatible,
}


def parse_group(text: str) -> list[Constraint]:
    """Parse constraints that all have to hold: divided by spaces or a comma. Raises CallError."""
    found: list[Constraint] = []
    at = 0
    while True:
        match = _ONE.match(text, at)
        if match is None:
            break
        found.append(_parse_one(match))
        at = match.end()
        if at == len(text):
            return found
        if text[at] == ",":
            at += 1
        elif not text[at - 1].isspace():
            break
    raise CallError(f"improper constraint: {text}")


def _parse_one(match: re.Match[str]) -> Constraint:
    operator, *numbers, pre = match.groups()
    bare = [(each or "").removeprefix(".") for each in numbers]
    known = next((at for at, each in enumerate(bare) if not each or each in _UNKNOWN), 3)
    own = ".".join([*bare[:known], *["0"] * (3 - known)])
    try:
        return Constraint(operator, Version.parse(own + (pre or "")), known)
    except CallError:
        raise CallError("constraint Parser Error") from None


METHODS = {
    "Major": declare("", lambda version: Uint64(version.numbers[0])),
    "Minor": declare("", lambda version: Uint64(version.numbers[1])),
    "Patch": declare("", lambda version: Uint64(version.numbers[2])),
    "Prerelease": declare("", lambda version: version.prerelease),
    "Metadata": declare("", lambda version: version.metadata),
    "Original": declare("", lambda version: version.original),
    "String": declare("", str.__str__),
    "Compare": declare(Version.go_type, Version.compare),
    "Equal": declare(Version.go_type, lambda one, other: one.compare(other) == 0),
    "LessThan": declare(Version.go_type, lambda one, other: one.compare(other) < 0),
    "GreaterThan": declare(Version.go_type, lambda one, other: one.compare(other) > 0),
}
"""What a template may call on a version."""
