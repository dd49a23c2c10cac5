"""Every member declares what it imports and imports what it declares, and the check sees where not."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PROJECT = """
[project]
name = "newel-{name}"
version = "1"
dependencies = [{needs}]
"""


def check_dependencies(root: Path) -> subprocess.CompletedProcess[str]:
    script = ROOT / "tests/architecture/dependencies.py"
    return subprocess.run(
        [sys.executable, script, root], capture_output=True, text=True, check=False
    )


def write_member(root: Path, name: str, needs: str, source: str) -> None:
    folder = root / "libs" / name
    (folder / f"src/newel/{name}").mkdir(parents=True)
    (folder / f"src/newel/{name}/module.py").write_text(source)
    (folder / "pyproject.toml").write_text(PROJECT.format(name=name, needs=needs))


def test_this_repository_declares_what_it_imports() -> None:
    outcome = check_dependencies(ROOT)
    assert outcome.returncode == 0, outcome.stdout


@pytest.mark.parametrize(
    ("needs", "source", "says"),
    [
        ("", "import newel.low.module\n", "newel-high imports newel.low and does not declare it"),
        ("'newel-low'", "", "newel-high declares newel.low and does not import it"),
        ("", "import msgspec\n", "DEP003 'msgspec' imported but it is a transitive dependency"),
        ("", "import nowhere\n", "DEP001 'nowhere' imported but missing"),
        ("'msgspec'", "", "DEP002 'msgspec' defined as a dependency but not used"),
    ],
)
def test_a_planted_breach_is_caught(tmp_path: Path, needs: str, source: str, says: str) -> None:
    write_member(tmp_path, "low", "", "")
    assert check_dependencies(tmp_path).returncode == 0
    write_member(tmp_path, "high", needs, source)
    outcome = check_dependencies(tmp_path)
    assert outcome.returncode == 1
    assert says in outcome.stdout
