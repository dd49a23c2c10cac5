"""docs/attacks.md and the tests' markers name the same attacks."""

import re
import subprocess
from pathlib import Path

ROOT = Path(__file__).parents[2]
ROW = re.compile(r"^\| ([A-Za-z0-9-]+) \|", re.MULTILINE)
MARKER = re.compile(r"""mark\.attack\(\s*["']([^"']+)["']""")


def list_rows() -> list[str]:
    names = ROW.findall((ROOT / "docs/attacks.md").read_text())
    return [name for name in names if name != "name"]


def list_markers() -> set[str]:
    files = subprocess.run(
        ["git", "grep", "--untracked", "-l", "mark.attack", "--", "*.py"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split()
    return {
        name
        for file in files
        if (ROOT / file) != Path(__file__)
        for name in MARKER.findall((ROOT / file).read_text())
    }


def test_every_attack_that_a_test_names_is_listed_once() -> None:
    rows = list_rows()
    assert sorted(set(rows)) == sorted(rows)
    assert list_markers() - set(rows) == set()


def test_every_listed_attack_has_a_test() -> None:
    assert set(list_rows()) - list_markers() == set()
