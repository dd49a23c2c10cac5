"""What Windows needs: its places and its names, and nothing on the way that only POSIX systems have.

Run on POSIX: what is asked of the system itself (the console, files that are open) is not shown here.
"""

import ast
import io
import ntpath
import subprocess
import sys
from pathlib import Path, PureWindowsPath
from types import SimpleNamespace

import pytest

from newel.cli import main
from newel.cli.errors import UsageError
from newel.cli.operations.certificates.sources import is_url
from newel.cli.operations.keys import kms
from newel.cli.options.grammar import find
from newel.cli.options.groups import select
from newel.cli.options.invocation import Invocation
from newel.cli.store import steppath

ROOT = Path(__file__).parents[2]
SOURCES = [
    ROOT / "cli/src",
    *(ROOT / "libs" / name / "src" for name in ("client", "step", "acme", "crypto")),
]

ONLY_POSIX = {
    "modules": {"fcntl", "termios", "tty", "pty", "pwd", "grp", "resource", "syslog", "posix"},
    "os": {
        "fchmod", "fchown", "chown", "fork", "geteuid", "getegid", "getuid", "getgid", "kill", "killpg", "mkfifo",
        "setsid", "sysconf", "uname", "O_NOCTTY", "O_NOFOLLOW", "O_DIRECTORY", "WNOHANG",
    },
    "signal": {"SIGHUP", "SIGUSR1", "SIGUSR2", "SIGKILL", "SIGCHLD", "SIGALRM", "alarm", "pause"},
    "socket": {"AF_UNIX"},
}  # fmt: skip # words in rows

ELSEWHERE = {
    "after_renewal.py": "--pid is refused there",
    "file_server.py": "asked whether it is there",
    "atomic_write.py": "owners are kept where os.name is posix",
    "keyset.py": "Windows does not come to the lock",
    "store.py": "nor here",
    "steppath.py": "asked where HOME is empty",
    "menu.py": "only in a terminal that was opened",
    "terminal.py": "which Windows does not come to open",
    "trust_stores.py": "the stores of Linux, where their directories are",
    "version.py": "asked whether it is there",
}
"""Who may use what only POSIX has, inside a function, and why Windows does not come by."""

PLACES = [
    ({"STEPPATH": r"D:\Step", "USERPROFILE": r"C:\Users\me"}, r"D:\Step"),
    ({"STEPPATH": "D:/Step/../Other/"}, r"D:\Other"),
    ({"STEPPATH": r"\\server\share\step"}, r"\\server\share\step"),
    ({"USERPROFILE": r"C:\Users\me", "HOMEDRIVE": "H:", "HOMEPATH": r"\me"}, r"C:\Users\me\.step"),
    ({"HOMEDRIVE": "H:", "HOMEPATH": r"\me"}, r"H:\me\.step"),
]


@pytest.mark.parametrize(("environment", "base"), PLACES)
def test_where_things_are_kept(
    environment: dict[str, str], base: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("USERPROFILE", "HOMEDRIVE", "HOMEPATH"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(steppath, "os", SimpleNamespace(environ=environment, path=ntpath))
    assert steppath.base_name() == base
    context = steppath.Context("c", "ca.internal", "me")
    assert steppath.authority_name(context) == rf"{base}\authorities\ca.internal"
    assert steppath.profile_name(context) == rf"{base}\profiles\me"
    assert PureWindowsPath(steppath.join(base, "config", "defaults.json")).parts[-2:] == (
        "config",
        "defaults.json",
    )


@pytest.mark.parametrize(
    "name", [r"C:\keys\www.key", "C:www.key", "c:/keys/www.key", r"\\server\share\www.key"]
)
def test_a_drive_letter_is_no_scheme(name: str) -> None:
    assert not is_url(name)
    assert not kms.is_uri(name)
    command, rest = find(["certificate", "inspect", name, "--roots", name, f"--servername={name}"])
    assert command is not None
    call = Invocation(command, rest)
    assert (call.args, call.get("roots"), call.get("servername")) == ([name], name, name)


def test_backslashes_of_saved_paths_are_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STEPPATH", str(tmp_path))
    (tmp_path / "config").mkdir()
    (tmp_path / "config/defaults.json").write_text(
        r'{"root": "C:\\Users\\me\\.step\\certs\\root_ca.crt"}'
    )
    command, rest = find(["ca", "health"])
    assert command is not None
    assert Invocation(command, rest).get("root") == r"C:\Users\me\.step\certs\root_ca.crt"


def test_printed_octets_are_the_same_as_elsewhere() -> None:
    pipe = io.BytesIO()
    stream = io.TextIOWrapper(pipe, encoding="cp1252", newline="\r\n")
    main.use_utf8(stream)
    print("✔ Certificate: www.crt", file=stream, flush=True)
    assert pipe.getvalue() == "✔ Certificate: www.crt\n".encode()


def test_a_signal_which_would_end_the_process_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    from newel.cli.operations.renewal import after_renewal

    monkeypatch.setattr(after_renewal, "os", SimpleNamespace(name="nt"))
    command, rest = find(["ca", "renew", "a.crt", "a.key", "--pid", "7"])
    assert command is not None
    with pytest.raises(UsageError, match="not supported on Windows"):
        after_renewal.check(select(after_renewal.AfterRenewal, Invocation(command, rest)))


def test_every_module_is_imported_without_what_only_posix_has() -> None:
    program = f"""
import importlib, os, pkgutil, signal, socket, sys
import asyncio, cryptography, getpass, http.server, httpx, selectors, shutil, ssl, subprocess, tempfile
for name in {sorted(ONLY_POSIX["modules"] - {"posix", "pwd"})!r}: sys.modules[name] = None
for module in (os, signal, socket):
    for name in {ONLY_POSIX!r}[module.__name__]: vars(module).pop(name, None)
import newel.cli, newel.client
packages = (newel.cli, newel.client)
names = [m.name for p in packages for m in pkgutil.walk_packages(p.__path__, p.__name__ + ".")]
for name in names:
    if not name.endswith(("__main__", "pytest_plugin", "uvicorn_peer")): importlib.import_module(name)
print(len(names))
"""
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False, timeout=120
    )
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) > 250


def posix_uses(source: str) -> set[str]:
    """What a module names that only POSIX systems have."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names} & ONLY_POSIX["modules"]
        elif isinstance(node, ast.ImportFrom) and node.module in ONLY_POSIX:
            found |= {alias.name for alias in node.names} & ONLY_POSIX[node.module]
        elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            found |= {node.attr} & ONLY_POSIX.get(node.value.id, set())
    return found


def test_what_only_posix_has_is_used_where_windows_does_not_come_by() -> None:
    using = {
        path.name
        for folder in SOURCES
        for path in folder.rglob("*.py")
        if posix_uses(path.read_text())
    }
    assert using == set(ELSEWHERE)
