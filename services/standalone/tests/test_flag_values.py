"""Flags of `newel up` that cannot be honoured: one line says so, and nothing is made."""

import subprocess
from pathlib import Path

import pytest

from fixtures.processes import free_port
from fixtures.running import NEWEL, serve_newel


def up(folder: Path, *words: str | Path) -> subprocess.CompletedProcess[str]:
    """A start that is expected to end by itself, in a folder of its own."""
    return subprocess.run(
        [NEWEL, "up", *map(str, words)],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        cwd=folder,
    )


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("--state", ""), "--state: the value is empty"),
        (("--state=",), "--state: the value is empty"),
        (("--state", "s", "--name", ""), "--name: the value is empty"),
        (("--state", "s", "--dns="), "--dns: the value is empty"),
        (("--state", "s", "--address", ""), "--address: the value is empty"),
        (("--state", "s", "--password-file="), "--password-file: the value is empty"),
        (("--state", "s", "--dns", "bad name"), "--dns: not a domain name: 'bad name'"),
        (("--state", "s", "--dns", "good.example,-bad-"), "--dns: not a domain name: '-bad-'"),
        (("--state", "s", "--workers", "x"), "--workers: 'x' is not a whole number from 1 on"),
        (("--state", "s", "--workers", "0"), "--workers: '0' is not a whole number from 1 on"),
        (("--state", "s", "--workers", "-1"), "--workers"),
        (("--state", "s", "--name", 49 * "x"), "--name: at most 48 characters"),
        (("--state", "s", "--nosuch"), "unknown: --nosuch"),
        (("--state", "s", "extra"), "unknown: extra"),
        (("--state", "s", "--addr", "127.0.0.1:9000"), "unknown: --addr 127.0.0.1:9000"),
        (("--state",), "--state: expected one argument"),
    ],
)
def test_a_flag_that_cannot_be_honoured_is_one_line(
    tmp_path: Path, words: tuple[str, ...], says: str
) -> None:
    done = up(tmp_path, *words)
    assert done.returncode == 2
    (line,) = done.stderr.splitlines()
    assert line.startswith(f"newel up: {says}")
    assert not [*tmp_path.iterdir()]


@pytest.mark.parametrize(
    ("flags", "says"),
    [
        (
            ("--address", "127.0.0.1:{0}", "--http-address", "127.0.0.1:{0}"),
            ("cannot listen on 127.0.0.1:{0}: that is 127.0.0.1:{0} of --address too; choose another"
            " address by --http-address HOST:PORT"),
        ),
        (
            ("--address", ":{0}", "--http-address", "localhost:{0}"),
            "cannot listen on localhost:{0}: that is :{0} of --address too",
        ),
        (
            ("--address", "127.0.0.1:{2}", "--http-address", "127.0.0.1:{1}"),
            ("cannot listen on 127.0.0.1:{2}: that is 127.0.0.1:{2} of --address too; choose another"
            " address by --metrics-address HOST:PORT"),
        ),
        (
            ("--address", "127.0.0.1:{0}", "--http-address", "127.0.0.1:{1}",
             "--metrics-address", "127.0.0.1:{1}"),
            "that is 127.0.0.1:{1} of --http-address too",
        ),
        (
            ("--address", "127.0.0.1:{2}", "--http-address", "127.0.0.1:{0}",
             "--metrics-address", "127.0.0.1:{1}", "--workers", "2"),
            "that is 127.0.0.1:{2} of --address too",
        ),
    ],
)  # fmt: skip # a command line
def test_two_listeners_on_one_address_are_refused(
    tmp_path: Path, flags: tuple[str, ...], says: str
) -> None:
    http = free_port()
    ports = free_port(), http, http + 1
    done = up(tmp_path, "--state", "state", *(word.format(*ports) for word in flags))
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert says.format(*ports) in line
    assert not (tmp_path / "state/certs").exists()


@pytest.mark.parametrize(
    ("content", "mode", "says"),
    [
        ("", 0o600, "the password is empty"),
        ("\n", 0o600, "the password is empty"),
        ("secret", 0o604, "others may read this secret"),
        (None, 0, "no such file or directory"),
    ],
)
def test_a_password_file_that_cannot_be_used_is_named_before_anything_is_made(
    tmp_path: Path, content: str | None, mode: int, says: str
) -> None:
    file = tmp_path / "password"
    if content is not None:
        file.write_text(content)
        file.chmod(mode)
    addresses = [f"127.0.0.1:{free_port()}" for _ in range(2)]
    done = up(
        tmp_path, "--state", "state", "--password-file", file,
        "--address", addresses[0], "--http-address", addresses[1],
    )  # fmt: skip # a command line
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert line.startswith(f"newel up: {file}: {says}")
    assert not (tmp_path / "state/certs").exists()


@pytest.mark.parametrize("umask", ["000", "777"])
def test_files_are_the_owners_whatever_the_umask(tmp_path: Path, umask: str) -> None:
    state = tmp_path / "state"
    prefix = ("sh", "-c", f'umask {umask}; exec "$@"', "sh")
    with serve_newel(state, free_port(), free_port(), prefix=prefix):
        pass
    found = [state, *state.rglob("*")]
    assert len(found) > len(("certs", "config", "secrets", "db", "log"))
    for path in found:
        mode = path.stat().st_mode
        assert not mode & 0o022, path
        assert mode & 0o600 == 0o600, path


@pytest.mark.parametrize("flag", ["--address", "--http-address", "--metrics-address"])
def test_a_port_that_would_be_another_at_each_start_is_refused(tmp_path: Path, flag: str) -> None:
    done = up(tmp_path, "--state", "s", flag, "127.0.0.1:0")
    assert done.returncode == 1
    assert "'127.0.0.1:0' has port 0" in done.stderr
    assert flag in done.stderr
    assert not (tmp_path / "s/config/ca.json").exists()
