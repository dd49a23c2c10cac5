"""Sprig's functions on versions and constraints."""

from newel.gotemplate.budget import Budget
from newel.gotemplate.calls import Functions, declare
from newel.gotemplate.errors import CallError
from newel.gotemplate.versions import LONGEST, RANGE, Version, parse_group


def semver(text: str) -> Version:
    """Parse a version."""
    return Version.parse(text)


def compare(budget: Budget, constraint: str, version: str) -> bool:
    """Tell whether a version satisfies a constraint: ``>=1.2, <2 || ^3``."""
    budget.step(len(constraint))
    if len(constraint) > LONGEST:
        raise CallError("the constraint is too long")
    text = RANGE.sub(lambda match: f">= {match[1]}, <= {match[6]} ", constraint)
    groups = [parse_group(each) for each in text.split("||")]
    wanted = Version.parse(version)
    return any(all(each.allows(wanted) for each in group) for group in groups)


FUNCTIONS: Functions = {
    "semver": declare("string", semver),
    "semverCompare": declare("string string", compare, bounded=True),
}
