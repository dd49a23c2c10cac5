"""`newel up` as a person meets it: taken ports, odd addresses, later starts, folders moved or read-only."""

import json
import shutil
import socket
import subprocess
from collections.abc import Generator, Sequence
from pathlib import Path

import pytest

from fixtures.processes import free_block, free_port
from fixtures.running import NEWEL, serve_newel

EXISTING = ("certs", "config", "secrets")


def up(*words: str | Path, user: str | None = None) -> subprocess.CompletedProcess[str]:
    """A start that is expected to end by itself."""
    return subprocess.run(
        [NEWEL, "up", *map(str, words)],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        user=user,
    )


@pytest.fixture
def used_port() -> Generator[int]:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", free_block(2) + 1))
        sock.listen()
        yield sock.getsockname()[1]


@pytest.fixture(scope="module")
def make_authority(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A state that was served once."""
    state = tmp_path_factory.mktemp("made") / "state"
    with serve_newel(state, free_port(), free_port()):
        pass
    return state


@pytest.mark.parametrize(
    ("flags", "flag"),
    [
        (("--address", "127.0.0.1:{used_port}", "--http-address", "127.0.0.1:{free}"), "--address"),
        (
            ("--address", "127.0.0.1:{free}", "--http-address", "127.0.0.1:{used_port}"),
            "--http-address",
        ),
        (("--address", "localhost:{used_port}", "--http-address", "127.0.0.1:{free}"), "--address"),
    ],
)
@pytest.mark.parametrize("workers", ["1", "2"])
def test_a_port_in_use_is_named_before_an_authority_is_made(
    tmp_path: Path, used_port: int, flags: Sequence[str], flag: str, workers: str
) -> None:
    state = tmp_path / "state"
    words = [word.format(used_port=used_port, free=free_port()) for word in flags]
    done = up("--state", state, *words, "--workers", workers)
    assert done.returncode == 1
    address = words[words.index(flag) + 1]
    assert done.stderr == (
        f"newel up: cannot listen on {address}: address already in use; "
        f"choose another address by {flag} HOST:PORT\n"
    )
    assert not (state / "certs").exists()


def test_the_port_of_a_workers_metrics_is_tried_too(tmp_path: Path, used_port: int) -> None:
    http = (
        "--http-address",
        f"127.0.0.1:{free_port()}",
        "--metrics-address",
        f"127.0.0.1:{used_port - 1}",
    )
    done = up(
        "--state",
        tmp_path / "state",
        "--address",
        f"127.0.0.1:{free_port()}",
        *http,
        "--workers",
        "2",
    )
    assert f"cannot listen on 127.0.0.1:{used_port}: address already in use" in done.stderr
    assert not (tmp_path / "state/certs").exists()


@pytest.mark.parametrize(
    ("address", "says"),
    [
        ("127.0.0.1:http", "'http' of '127.0.0.1:http' is not a port"),
        ("127.0.0.1:70000", "'70000' of '127.0.0.1:70000' is not a port"),
        ("9000", "write HOST:9000, or :9000 for every interface"),
        ("[localhost]:9000", "is not an address to listen on; write HOST:PORT"),
        ("no.such.host.invalid:9000", "the name no.such.host.invalid cannot be resolved"),
    ],
)
def test_an_address_that_is_none_is_refused_in_words(
    tmp_path: Path, address: str, says: str
) -> None:
    for flag, other in (("--address", "--http-address"), ("--http-address", "--address")):
        free = f"127.0.0.1:{free_port()}"
        done = up("--state", tmp_path / "state", flag, address, other, free)
        assert done.returncode in (1, 2)
        assert says in done.stderr
        assert flag in done.stderr
        assert "Traceback" not in done.stderr
        assert "rrno" not in done.stderr


@pytest.mark.parametrize("address", ["nonsense", "127.0.0.1:x"])
def test_an_address_in_ca_json_that_is_none_is_named_with_its_place(
    make_authority: Path, tmp_path: Path, address: str
) -> None:
    state = shutil.copytree(make_authority, tmp_path / "state")
    file = state / "config/ca.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | {"address": address}))
    done = up("--state", state)
    assert done.returncode == 1
    assert f"{file}: address: cannot listen: '" in done.stderr


@pytest.mark.parametrize("name", ["https://ca.lab", "ca.lab:9000", "*.lab", "me@ca.lab"])
def test_a_name_of_the_server_that_is_no_host_is_refused(
    make_authority: Path, tmp_path: Path, name: str
) -> None:
    done = up("--state", tmp_path / "new", "--dns", name)
    assert done.returncode == 2
    assert done.stderr.startswith("newel up: --dns: ")
    assert not (tmp_path / "new").exists()
    state = shutil.copytree(make_authority, tmp_path / "state")
    file = state / "config/ca.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | {"dnsNames": ["localhost", name]}))
    done = up("--state", state)
    assert done.returncode == 1
    assert done.stderr.startswith(f"newel up: {file}: dnsNames[1]: ")
    assert done.stderr.count("\n") == 1


def test_a_host_name_is_an_address(tmp_path: Path) -> None:
    port, http = free_port(), free_port()
    flags = ("--address", f"localhost:{port}", "--http-address", f"localhost:{http}")
    with serve_newel(tmp_path / "state", port, http, *flags):
        pass


@pytest.mark.needs("unshare")
def test_a_port_for_root_is_refused_with_the_ways_out(tmp_path: Path) -> None:
    barrier = Path("/proc/sys/net/ipv4/ip_unprivileged_port_start")
    if int(barrier.read_text()) <= 443:
        pytest.skip("every port is everybody's on this machine")
    # in a user namespace of its own no one is root of the network
    words = [
        "unshare",
        "-U",
        NEWEL,
        "up",
        "--state",
        str(tmp_path / "state"),
        "--address",
        "127.0.0.1:443",
    ]
    done = subprocess.run(words, capture_output=True, text=True, check=False, timeout=60)
    assert done.stderr == (
        "newel up: cannot listen on 127.0.0.1:443: permission denied; ports below 1024 need root or "
        "CAP_NET_BIND_SERVICE; choose another address by --address HOST:PORT\n"
    )


def test_a_later_start_says_what_its_flags_do_not_change(
    make_authority: Path, tmp_path: Path
) -> None:
    state = shutil.copytree(make_authority, tmp_path / "state")
    ports = free_port(), free_port()
    flags = ("--name", "Other", "--dns", "ca.example", "--ssh", "--remote-management")
    with serve_newel(state, *ports, *flags) as (authority, _):
        log = authority.log.read_text()
    assert "newel up: --name Other is ignored: this authority was made as 'Newel'" in log
    assert (
        f"newel up: --dns ca.example is ignored: dnsNames in {state}/config/ca.json are localhost"
        in log
    )
    assert "newel up: --ssh is ignored" in log
    assert "newel up: --remote-management is ignored" in log
    assert (
        f"newel up: this start serves on 127.0.0.1:{ports[0]}, and {state}/config/defaults.json"
        in log
    )
    assert "certificates issued before name 127.0.0.1:" in log


def test_a_later_start_with_the_same_flags_says_nothing(
    make_authority: Path, tmp_path: Path
) -> None:
    state = shutil.copytree(make_authority, tmp_path / "state")
    ca = json.loads((state / "config/ca.json").read_text())
    ports = [int(ca[key].rpartition(":")[2]) for key in ("address", "insecureAddress")]
    names = ",".join(ca["dnsNames"])
    with serve_newel(state, ports[0], ports[1], "--name", "Newel", "--dns", names) as (
        authority,
        _,
    ):
        assert "newel up: " not in authority.log.read_text()


def test_a_state_folder_can_be_moved(make_authority: Path, tmp_path: Path) -> None:
    state = shutil.copytree(make_authority, tmp_path / "elsewhere/state")
    ca = json.loads((state / "config/ca.json").read_text())
    ports = [int(ca[key].rpartition(":")[2]) for key in ("address", "insecureAddress")]
    written = "".join(
        path.read_text() for path in (state / "config").glob("*.json") if path.stem != "ceremony"
    )
    assert str(make_authority) not in written
    with serve_newel(state, ports[0], ports[1]) as (authority, _):
        issued = subprocess.run(
            [NEWEL, "ca", "certificate", "localhost", "a.crt", "a.key", "--provisioner", "admin",
             "--password-file", state / "secrets/password"],
            env={"STEPPATH": str(state), "PATH": "/usr/bin:/bin", "HOME": str(tmp_path)}, cwd=tmp_path,
            capture_output=True, text=True, check=False, timeout=60,
        )  # fmt: skip # a command line
        assert issued.returncode == 0, issued.stderr
        assert authority.get("/health") == {"status": "ok"}


def test_a_key_that_is_missing_is_named(make_authority: Path, tmp_path: Path) -> None:
    state = shutil.copytree(make_authority, tmp_path / "state")
    key = state / "secrets/intermediate_ca_key"
    key.unlink()
    done = up(
        "--state",
        state,
        "--address",
        f"127.0.0.1:{free_port()}",
        "--http-address",
        f"127.0.0.1:{free_port()}",
    )
    assert done.returncode == 1
    assert (
        done.stderr.splitlines()[-1]
        == f"newel up: key intermediate: {key}: no such file or directory"
    )


def read_only(state: Path, *words: str) -> "subprocess.Popen[str]":
    """A start that may write under ``db/`` only: everything else is mounted without writing."""
    mounts = ("mount --bind . .", 'cd "$0"', "mount --bind db db", "mount -o remount,ro,bind .")
    script = " && ".join(('cd "$0"', *mounts, 'exec "$@"'))
    return subprocess.Popen(
        ["unshare", "-rm", "sh", "-c", script, str(state), NEWEL, "up", "--state", str(state), *words],
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    )  # fmt: skip # a command line


@pytest.mark.needs("unshare")
@pytest.mark.parametrize("origin", ["ca init", "newel up"])
def test_only_the_folder_of_the_databases_needs_to_be_writable(
    make_authority: Path, tmp_path: Path, origin: str
) -> None:
    state, password = tmp_path / "state", tmp_path / "password"
    password.write_text("p4ss")
    password.chmod(0o600)
    flags = ["--address", f"127.0.0.1:{free_port()}", "--http-address", f"127.0.0.1:{free_port()}"]
    if origin == "ca init":
        line = [
            NEWEL, "ca", "init", "--name", "Smallstep", "--dns", "localhost", "--address", ":9000",
            "--provisioner", "me", "--deployment-type", "standalone", "--password-file", str(password),
        ]  # fmt: skip # a command line
        env = {"STEPPATH": str(state), "PATH": "/usr/bin:/bin"}
        subprocess.run(line, env=env, check=True, capture_output=True, stdin=subprocess.DEVNULL)
        (state / "db").mkdir(exist_ok=True)
        flags += ["--password-file", str(password)]
    else:
        shutil.copytree(make_authority, state)
    before = {
        path: path.stat().st_mtime_ns for name in EXISTING for path in (state / name).rglob("*")
    }
    process = read_only(state, *flags)
    assert process.stdout is not None
    lines: list[str] = []
    for line in process.stdout:
        lines.append(line)
        if "The authority is served" in line:
            break
    process.terminate()
    rest = process.communicate(timeout=60)[0]
    assert process.returncode == 0, "".join(lines) + rest
    assert (state / "db/ocsp_responder.crt").exists()
    after = {
        path: path.stat().st_mtime_ns for name in EXISTING for path in (state / name).rglob("*")
    }
    assert before == after
    # and the next start, with everything writable, goes on with the same responder
    certificate = (state / "db/ocsp_responder.crt").read_bytes()
    port, http = (int(flag.rpartition(":")[2]) for flag in flags[1:4:2])
    with serve_newel(state, port, http, *flags[4:]):
        assert (state / "db/ocsp_responder.crt").read_bytes() == certificate
