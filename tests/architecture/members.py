"""The members of this repository and what each of them declares to need."""

import re
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True)
class Member:
    """One distribution of this repository: newel-crypto, newel-signer …"""

    name: str
    folder: Path
    requirements: frozenset[str]
    """What it needs where it is installed, extras included, as its pyproject.toml writes it."""
    extras: tuple[str, ...]
    test_requirements: frozenset[str]
    """What its tests need besides."""

    @property
    def package(self) -> str:
        """The import package: ``newel.crypto``."""
        return self.name.replace("-", ".", 1)

    @property
    def has_test_group(self) -> bool:
        """Whether its tests need anything besides what every test needs."""
        return bool(self.test_requirements)


def read_members(root: Path) -> dict[str, Member]:
    """Return every member below a root, by name."""
    files = (
        root / "proto/pyproject.toml",
        root / "cli/pyproject.toml",
        *root.glob("libs/*/pyproject.toml"),
        *root.glob("services/*/pyproject.toml"),
    )  # fmt: skip # a list
    return {member.name: member for member in map(_read_member, sorted(files)) if member}


def _read_member(file: Path) -> Member | None:
    if not file.exists():
        return None
    content: dict[str, Any] = tomllib.loads(file.read_text())
    project = content["project"]
    extras: dict[str, list[str]] = project.get("optional-dependencies", {})
    return Member(
        project["name"],
        file.parent,
        frozenset(
            (*project["dependencies"], *(each for extra in extras.values() for each in extra))
        ),
        tuple(extras),
        frozenset(content.get("dependency-groups", {}).get("test", ())),
    )


def find_member_names(requirements: frozenset[str]) -> set[str]:
    """Return the members among requirements, without their extras and versions."""
    found = (re.match(r"newel-[a-z]+", each) for each in requirements)
    return {each.group() for each in found if each}


def find_closure(members: dict[str, Member], name: str, *, tests: bool) -> dict[str, Member]:
    """Return a member and every member it needs, by name; ``tests`` adds what its tests need."""
    closure: dict[str, Member] = {}
    waiting = [name]
    while waiting:
        member = members[waiting.pop()]
        if member.name in closure:
            continue
        closure[member.name] = member
        needed = member.requirements
        if tests and member.name == name:
            needed |= member.test_requirements
        waiting += find_member_names(needed)
    return closure
