"""Which Python `make sync` chooses: the newest from 3.11 on that was built with optimisation."""

import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / "deploy/python.sh"
OPTIMISED = "'--enable-shared' '--enable-optimizations'"
PLAIN = "'--enable-shared'"


def interpreter(folder: Path, name: str, minor: int, arguments: str) -> str:
    """A program that runs the script's question with the version and the build of another Python."""
    path = folder / name
    lie = (
        "import sys, sysconfig; "
        f"sys.version_info = type('V', (tuple,), {{'minor': {minor}}})((3, {minor}, 1)); "
        f"sys.executable = {str(path)!r}; sys.base_prefix = {str(folder)!r}; "
        f"sysconfig.get_config_var = lambda name: {arguments!r}; exec(sys.argv[1])"
    )
    path.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -c {shlex.quote(lie)} "$2"\n')
    path.chmod(0o755)
    return str(path)


def choose_interpreter(*folders: Path, **env: str) -> str:
    path = os.pathsep.join(map(str, (*folders, "/nowhere")))
    done = subprocess.run(
        ["/bin/sh", SCRIPT],
        env={"PATH": f"{path}:/bin:/usr/bin", **env}, capture_output=True, text=True, check=True,
    )  # fmt: skip # a command line
    return done.stdout.strip()


@pytest.mark.parametrize(
    ("builds", "expected"),
    [
        ({"python3.98": (98, OPTIMISED), "python3.99": (99, OPTIMISED)}, "python3.99"),
        ({"python3.98": (98, OPTIMISED), "python3.99": (99, PLAIN)}, "python3.98"),
        ({"python3.99": (99, OPTIMISED), "python3": (97, OPTIMISED)}, "python3.99"),
    ],
)
def test_the_newest_that_was_built_with_optimisation_is_chosen(
    tmp_path: Path, builds: dict[str, tuple[int, str]], expected: str
) -> None:
    paths = {name: interpreter(tmp_path, name, *build) for name, build in builds.items()}
    assert choose_interpreter(tmp_path) == paths[expected]


def test_a_launcher_is_asked_only_where_there_is_nothing_else(tmp_path: Path) -> None:
    shims = tmp_path / "shims"
    shims.mkdir()
    interpreter(shims, "python3.99", 99, OPTIMISED)
    assert choose_interpreter(shims) != str(shims / "python3.99")


def test_an_interpreter_that_is_named_is_taken(tmp_path: Path) -> None:
    named = interpreter(tmp_path, "python3.9", 9, PLAIN)
    assert choose_interpreter(PYTHON=named) == named
