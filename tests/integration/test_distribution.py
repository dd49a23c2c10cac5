"""What `make dist` makes: wheels that install where nothing of this tree is seen, and the one file."""

import json
import os
import runpy
import subprocess
import sys
import zipfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from deploy.single_file.closure import OWN, files_of, find_closure

from fixtures.needs import find_program
from newel.cli.program import VERSION

ROOT = Path(__file__).parents[2]
pytestmark = pytest.mark.needs("uv")


def uv() -> Path:
    """The one that `make` uses."""
    found = find_program("uv")
    assert found is not None
    return found


def ran(*words: str | Path, cwd: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    variables = {"PATH": os.environ["PATH"], "HOME": str(cwd), "STEPPATH": str(cwd / "step")}
    return subprocess.run(
        words,
        cwd=cwd,
        env=variables | environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
        stdin=subprocess.DEVNULL,
    )


@pytest.fixture(scope="module")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheels of the command line's members, as `make dist` builds them."""
    folder = tmp_path_factory.mktemp("dist")
    for source in (ROOT / "cli", *(ROOT / "libs").iterdir()):
        built = ran(
            uv(), "build", "--offline", "--wheel", "--no-build-isolation",
            "--python", sys.executable, "--out-dir", folder, source, cwd=folder,
        )  # fmt: skip # a command line
        assert built.returncode == 0, built.stderr
    return folder


@pytest.fixture(scope="module")
def single(wheels: Path) -> Path:
    """The one file."""
    made = ran(sys.executable, "-m", "deploy.single_file", wheels, cwd=ROOT)
    assert made.returncode == 0, made.stderr
    return Path(made.stdout.strip())


@pytest.fixture(scope="module")
def clean_environment(wheels: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A clean environment with the wheels in it, and of other packages only what they declare to need."""
    folder = tmp_path_factory.mktemp("clean")
    commands = (
        (uv(), "venv", "--offline", "--python", sys.executable, folder / "venv"),
        (
            uv(), "pip", "install", "--offline", "--no-index", "--no-deps",
            "--python", folder / "venv", *wheels.glob("*.whl"),
        ),
    )  # fmt: skip # a command line
    for command in commands:
        done = ran(*command, cwd=folder)
        assert done.returncode == 0, done.stderr
    (packages,) = (folder / "venv/lib").glob("*/site-packages")
    others = ((n, d) for n, d in find_closure(wheels).items() if not n.startswith(OWN))
    for entry, data in (each for n, d in others for each in files_of(n, d, wheels)):
        (packages / entry).parent.mkdir(parents=True, exist_ok=True)
        (packages / entry).write_bytes(data)
    return folder / "venv"


def test_every_module_is_there_and_finds_what_it_imports(
    clean_environment: Path, tmp_path: Path
) -> None:
    program = (
        "import importlib, pkgutil, newel.cli\n"
        "names = [m.name for m in pkgutil.walk_packages(newel.cli.__path__, 'newel.cli.')]\n"
        "for name in names:\n"
        "    if not name.endswith('__main__'): importlib.import_module(name)\n"
        "print(len(names), newel.cli.__path__)"
    )
    done = ran(clean_environment / "bin/python", "-I", "-c", program, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    count, path = done.stdout.split(maxsplit=1)
    assert int(count) > 200
    assert str(clean_environment) in path


def test_the_commands_run_under_both_names_and_bring_their_manual(
    clean_environment: Path, tmp_path: Path
) -> None:
    for name in ("newel", "step"):
        made = ran(
            clean_environment / "bin" / name, "certificate", "create", "me", "me.crt", "me.key", "--force",
            "--profile", "self-signed", "--subtle", "--no-password", "--insecure", cwd=tmp_path,
        )  # fmt: skip # a command line
        assert made.returncode == 0, made.stderr
        lint = ran(clean_environment / "bin" / name, "certificate", "lint", "me.crt", cwd=tmp_path)
        assert json.loads(lint.stdout), lint.stderr
    assert (clean_environment / "share/man/man1/newel-ca-renew.1").is_file()
    up = ran(clean_environment / "bin/newel", "up", cwd=tmp_path)
    assert (up.returncode, "newel-standalone" in up.stderr) == (1, True)


def test_the_one_file_runs_and_unpacks_once(single: Path, tmp_path: Path) -> None:
    with ThreadPoolExecutor(4) as pool:
        firsts = [pool.submit(ran, single, "version", cwd=tmp_path) for _ in range(4)]
    for done in (first.result() for first in firsts):
        assert (done.returncode, done.stderr) == (0, "")
        assert done.stdout.startswith(f"Newel CLI/{VERSION} ")
    assert f"newel-{VERSION}-" in single.name
    (content,) = (tmp_path / ".cache/newel").iterdir()
    before = content.stat().st_ctime_ns
    made = ran(single, "crypto", "keypair", "a", "b", "--no-password", "--insecure", cwd=tmp_path)
    assert (made.returncode, (tmp_path / "b").stat().st_mode & 0o777) == (0, 0o600)
    assert content.stat().st_ctime_ns == before
    found = ran(single, "certificate", "inspect", "no.crt", cwd=tmp_path)
    assert (found.returncode, found.stderr) == (
        1,
        "error reading file no.crt: open no.crt failed: no such file or directory\n",
    )


def test_the_one_file_starts_without_what_others_hook_into_a_start(
    single: Path, tmp_path: Path
) -> None:
    with zipfile.ZipFile(single) as archive:
        assert archive.namelist() == ["__main__.py", "content.zip", "launcher.pyc"]
    assert single.read_bytes().startswith(b"#!/usr/bin/env -S python3 -IS\n")
    assert ran(single, "version", cwd=tmp_path).returncode == 0
    done = ran(sys.executable, "-IS", "-X", "importtime", single, "version", cwd=tmp_path)
    loaded = {line.rpartition("|")[2].strip() for line in done.stderr.splitlines()}
    assert "launcher" in loaded
    assert not {"site", "pathlib", "typing", "zipfile", "json", "re"} & loaded


@pytest.mark.parametrize(
    ("cache", "mode", "said"),
    [
        (
            "{home}/open",
            0o777,
            "can be changed by others: set NEWEL_CACHE to a directory of your own",
        ),
        ("relative", None, "there is no cache directory: set NEWEL_CACHE to an absolute path"),
        ("{home}/file/below", None, "not a directory"),
    ],
)
def test_the_one_file_runs_no_code_that_somebody_else_could_have_put_there(
    single: Path, tmp_path: Path, cache: str, mode: int | None, said: str
) -> None:
    (tmp_path / "file").touch()
    name = cache.format(home=tmp_path)
    if mode is not None:
        Path(name).mkdir()
        Path(name).chmod(mode)
    done = ran(single, "version", cwd=tmp_path, NEWEL_CACHE=name)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.endswith(f"{said}\n")
    assert len(done.stderr.splitlines()) == 1


def test_the_one_file_says_which_python_it_is_for(
    single: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "version_info", (3, 99, 0))
    with pytest.raises(SystemExit, match=r"this file is for Python 3\.\d+ on "):
        runpy.run_path(str(single), run_name="__main__")
