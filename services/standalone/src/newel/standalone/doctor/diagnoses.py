"""What a check found, and how it is shown."""

import json
from collections.abc import Sequence
from enum import StrEnum
from typing import NamedTuple


class Level(StrEnum):
    """How much a finding matters."""

    OK = "ok"
    NOTE = "note"
    """Worth knowing; nothing needs to be done."""
    WARNING = "warning"
    """It works now, and will not stay so."""
    PROBLEM = "problem"
    """The authority does not work, or is not safe, until it is mended."""


class Diagnosis(NamedTuple):
    """One line about one subject, and what to do about it."""

    level: Level
    subject: str
    text: str
    advice: str = ""


def write_text(findings: Sequence[Diagnosis]) -> str:
    """Write the findings for a person, one or two lines each, and their sum."""
    lines: list[str] = []
    for level, subject, text, advice in findings:
        lines.append(f"  {level:<8} {subject:<14} {text}")
        if advice:
            lines.append(f"  {'':<8} {'':<14} -> {advice}")
    return "\n".join((*lines, "", f"{_count(findings)}", ""))


def write_json(findings: Sequence[Diagnosis]) -> str:
    """Write the findings for a program: an array of level, subject, text and advice."""
    return json.dumps([each._asdict() for each in findings], indent=2) + "\n"


def has_problem(findings: Sequence[Diagnosis]) -> bool:
    """Tell whether something must be mended."""
    return any(each.level is Level.PROBLEM for each in findings)


def _count(findings: Sequence[Diagnosis]) -> str:
    parts: list[str] = []
    for level in (Level.PROBLEM, Level.WARNING):
        count = sum(each.level is level for each in findings)
        if count:
            parts.append(f"{count} {level}{'s' if count > 1 else ''}")
    return ", ".join(parts) or "Nothing is wrong."
