"""What tests need is what tests/setup.sh installs: otherwise a fresh machine tests less, or fails."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from fixtures.needs import IMPLIED, find_program

REPOSITORY = Path(__file__).parents[2]
FOUND_OTHERWISE = {
    "bash": "runs the setup itself",
    "go": "the setup installs others by it, and Debian's is too old for them",
    "initdb": "PostgreSQL is looked for where Debian keeps it, outside of PATH",
    "libsofthsm2.so": "comes with softhsm2-util",
    "postgres": "see initdb",
    "private-mounts": "a right, not a program",
    "uv": "the Makefile gets it",
    "certbot-1.21": "runs from .tools, with the packages of its lock",
}


def read_setup() -> set[str]:
    """The programs that the setup looks for and installs."""
    return set(re.findall(r"\[([\w.-]+)\]=", (REPOSITORY / "tests/setup.sh").read_text()))


def find_needs(tree: ast.AST) -> Iterator[str]:
    """The programs that ``pytest.mark.needs`` names."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and ast.unparse(node.func).endswith("mark.needs"):
            for argument in node.args:
                if isinstance(argument, ast.Constant):
                    yield str(argument.value)


def find_all_needs() -> dict[str, Path]:
    """Each program that a test names, with one file that does."""
    found: dict[str, Path] = {}
    for folder in ("tests", "cli/tests", "libs", "services", "proto"):
        for file in (REPOSITORY / folder).rglob("*.py"):
            if "tests" in file.parts:
                found |= dict.fromkeys(find_needs(ast.parse(file.read_bytes())), file)
    return found


def test_what_tests_need_is_installed_by_the_setup() -> None:
    programs = set(find_all_needs()) | {name for names in IMPLIED.values() for name in names}
    assert len(programs) > 20
    assert programs - read_setup() - set(FOUND_OTHERWISE) == set()


@pytest.mark.parametrize("value", ["1", "true", "yes"])
def test_a_missing_program_fails_the_run_where_ci_is_set(
    value: str, pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert find_program("no-such-program") is None
    pytester.makeconftest(f"""
        import sys
        sys.path.insert(0, {str(REPOSITORY / "tests")!r})
        pytest_plugins = ("fixtures.needs",)
    """)
    pytester.makepyfile("""
        import pytest

        @pytest.mark.needs("no-such-program")
        def test_with_it():
            pass

        def test_without():
            pass
    """)
    monkeypatch.setenv("CI", value)
    pytester.runpytest_subprocess("-n", "2").assert_outcomes(passed=1, errors=1)
    monkeypatch.setenv("CI", "")
    result = pytester.runpytest_subprocess("-n", "2")
    result.assert_outcomes(passed=1, skipped=1)
    result.stdout.fnmatch_lines(["not run: 1", "  1 missing: no-such-program"])
