"""Each member installs in an environment of its own, with nothing but what it declares, and so do its tests."""

import os
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

import pytest

from architecture.members import Member, find_closure, read_members
from fixtures.needs import find_program

ROOT = Path(__file__).parents[2]
MEMBERS = read_members(ROOT)
NOT_IN_A_SIGNER = {
    "aiosqlite",
    "alembic",
    "asyncpg",
    "boto3",
    "fastapi",
    "httpx",
    "jinja2",
    "mako",
    "nats-py",
    "newel-certtemplates",
    "newel-gotemplate",
    "newel-step",
    "python-multipart",
    "sqlalchemy",
    "starlette",
}  # fmt: skip # a list
pytestmark = pytest.mark.needs("uv")


def run(*words: str | Path, **environment: str) -> str:
    """Return what a command prints; fail with everything it says when it fails."""
    done = subprocess.run(
        words,
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, **environment},
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def install(folder: Path, member: Member, *, tests: bool, extras: Iterable[str]) -> Path:
    """Return the Python of a new environment that has a member and what it declares, as the lock pins it."""
    uv = find_program("uv")
    assert uv is not None
    run(uv, "venv", "--quiet", "--clear", "--python", sys.executable, folder)
    groups = [
        ROOT / "pyproject.toml",
        *([member.folder / "pyproject.toml"] if member.has_test_group else []),
    ]
    closure = find_closure(MEMBERS, member.name, tests=tests)
    chosen = f"[{','.join(extras)}]" if extras else ""
    run(
        uv,
        "pip",
        "install",
        "--quiet",
        "--python",
        folder / "bin/python",
        "--no-sources",
        "--constraint",
        "requirements.lock",
        "--build-constraint",
        "requirements.lock",
        *(word for file in groups if tests for word in ("--group", f"{file}:test")),
        *(
            word
            for each in closure.values()
            if each != member
            for word in ("--editable", each.folder)
        ),
        "--editable",
        f"{member.folder}{chosen}",
    )  # fmt: skip # a command line
    return folder / "bin/python"


def list_installed(python: Path) -> set[str]:
    """Return the names of the packages in an environment."""
    program = (
        "from importlib.metadata import distributions as d; print(*(x.name.lower() for x in d()))"
    )
    return set(run(python, "-c", program).split())


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return where each member's environment takes the place of the one before.

    The folder is the same, so what is compiled for one member serves the next.
    """
    return tmp_path_factory.mktemp("alone")


@pytest.mark.parametrize("name", sorted(MEMBERS))
def test_a_member_and_its_tests_import_what_they_declare(name: str, environment: Path) -> None:
    member = MEMBERS[name]
    python = install(environment / "venv", member, tests=True, extras=member.extras)
    compiled = {
        "PYTHONDONTWRITEBYTECODE": "",
        "PYTHONPYCACHEPREFIX": str(environment / "compiled"),
    }
    tests = member.folder / "tests"
    if tests.exists():
        collect = ("--collect-only", "--quiet", "--assert=plain", "-p", "no:cacheprovider")
        run(python, "-m", "pytest", *collect, tests, **compiled)
    modules = [
        ".".join(path.relative_to(member.folder / "src").with_suffix("").parts)
        for path in member.folder.glob("src/**/*.py")
        if path.stem not in {"__main__", "__init__"} and "migrations" not in path.parts
    ]
    program = f"import importlib\nfor name in {modules}: importlib.import_module(name)"
    run(python, "-c", program, **compiled)


@pytest.mark.parametrize("extras", [(), ("pkcs11",)])
def test_a_signer_is_only_a_signer(extras: tuple[str, ...], tmp_path: Path) -> None:
    python = install(tmp_path / "signer", MEMBERS["newel-signer"], tests=False, extras=extras)
    installed = list_installed(python)
    assert installed & NOT_IN_A_SIGNER == set()
    assert ("python-pkcs11" in installed) == bool(extras)
    assert len(installed) < 30
    program = (
        "import sys, newel.signer.__main__; print(*{name.split('.')[0] for name in sys.modules})"
    )
    assert "newel" in run(python, "-c", program).split()
    assert "--config FILE" in run(python, "-m", "newel.signer", "--help")
