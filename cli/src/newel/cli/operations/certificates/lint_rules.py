"""The names of the rules that `certificate lint` reports, as scripts look them up; in lint_rules.txt."""

from pathlib import Path


def rule_names() -> list[str]:
    """Every name: e_ errors, w_ warnings, n_ notices."""
    return Path(__file__).with_suffix(".txt").read_text(encoding="ascii").split()
