"""Starting and ending the split shape: what is made once is kept, and one state has one owner."""

import json
import signal
import socket
import subprocess
import sys
from collections.abc import Generator
from pathlib import Path

import pytest

from fixtures.processes import free_block
from fixtures.running import wait_until
from fixtures.split import PROGRAMS, REPOSITORY, SPLIT_BLOCK, Split, split_serving, split_state

pytestmark = pytest.mark.needs("step", *PROGRAMS)

Ports = tuple[int, int, int]


@pytest.fixture
def state() -> Generator[Path]:
    with split_state() as folder:
        yield folder


@pytest.fixture
def ports() -> Ports:
    first = free_block(SPLIT_BLOCK)
    return first, first + 1, first + 2


def secrets_of(state: Path) -> dict[str, bytes]:
    """List what is made once; SoftHSM writes a token's own object again at every login."""
    keys = [
        path for path in (state / "data/tokens").rglob("*.object") if path.name != "token.object"
    ]
    made = [*(state / "secrets").rglob("*"), *(state / "certs").glob("*"), *keys]
    return {str(path): path.read_bytes() for path in made if path.is_file()}


def certificate(split: Split, folder: Path, verb: str) -> None:
    files = [str(folder / "a.crt"), str(folder / "a.key")]
    who = ["--provisioner", "admin", "--password-file", str(split.password_file)]
    words = ["certificate", "a.internal", *files, *who] if verb == "new" else ["renew", *files]
    done = split.step("ca", *words, "--force")
    assert done.returncode == 0, done.stderr


def test_a_second_start_serves_what_the_first_made_with_as_many_workers_as_asked(
    state: Path, ports: Ports, tmp_path: Path
) -> None:
    with split_serving(state, ports) as (split, process):
        certificate(split, tmp_path, "new")
        made = secrets_of(state)
        refused = subprocess.run(
            [sys.executable, "-m", "deploy.split", "--state", str(state)],
            cwd=REPOSITORY, capture_output=True, text=True, check=False,
        )  # fmt: skip # a command line
        assert refused.returncode == 1
        assert "in use by another" in refused.stderr
        parts = {part.name: int(part.read_text()) for part in (state / "run").glob("*")}
        process.send_signal(signal.SIGINT)
        assert process.wait(60) == 0
        assert not [pid for pid in parts.values() if Path(f"/proc/{pid}").exists()]
        assert len(parts) == 9
    with split_serving(state, ports, "--workers", "2") as (split, _):
        assert secrets_of(state) == made
        assert "The authority is served from" in split.log.read_text()
        certificate(split, tmp_path, "renew")
        started = [
            Path(f"/proc/{pid}/cmdline").read_text().split("\0")
            for pid in Path(
                f"/proc/{split.pid('registration')}/task/{split.pid('registration')}/children"
            )
            .read_text()
            .split()
        ]
        assert sorted(words[words.index("--worker") + 1] for words in started) == ["0", "1"]
        wait_until(lambda: split.ready("registration") == 200)
        defaults = json.loads((state / "config/defaults.json").read_text())
        assert defaults["ca-url"] == f"https://localhost:{ports[0]}"


def test_every_service_has_a_trail_of_what_it_decided(split: Split, tmp_path: Path) -> None:
    """One request id leads from the registration authority's line to the signer's."""
    certificate(split, tmp_path, "new")

    def has_three_lines() -> bool:
        audit = split.audit()  # each service writes its own file, in its own time
        signed = [line for line in audit if line["event"] == "sign" and "key" not in line]
        request = signed[-1]["request_id"]
        seen = {line["service"] for line in audit if line.get("request_id") == request}
        return seen == {"registration", "issuing", "signer"}

    wait_until(has_three_lines)


def test_ports_that_are_taken_are_named_before_anything_is_made(state: Path, ports: Ports) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", ports[2]))
        taken.listen()
        words = [
            "--state", str(state), "--address", f"127.0.0.1:{ports[0]}",
            "--http-address", f"127.0.0.1:{ports[1]}", "--ports", str(ports[2]),
        ]  # fmt: skip # a command line
        refused = subprocess.run(
            [sys.executable, "-m", "deploy.split", *words],
            cwd=REPOSITORY, capture_output=True, text=True, check=False, timeout=60,
        )  # fmt: skip # a command line
    assert refused.returncode == 1
    (line,) = refused.stderr.splitlines()
    assert f"127.0.0.1:{ports[2]}" in line
    assert not (state / "data").exists()


def test_every_part_ends_with_the_program_that_started_it(state: Path, ports: Ports) -> None:
    with split_serving(state, ports, "--workers", "2") as (split, process):
        parts = [int(part.read_text()) for part in (state / "run").glob("*")]
        children = [
            int(child)
            for pid in (split.pid("registration"), split.pid("issuing"))
            for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        ]
        assert (len(parts), len(children)) == (9, 4)
        process.kill()
        process.wait()
        wait_until(
            lambda: not [pid for pid in (*parts, *children) if Path(f"/proc/{pid}").exists()],
            seconds=60,
        )
    with split_serving(state, ports) as (split, _):
        assert split.get("/health")


def test_what_is_added_to_a_configuration_counts_when_its_part_comes_back(split: Split) -> None:
    extra = split.state / "extra/alerting.toml"
    with split.without("alerting"):
        extra.write_text("[retry]\nattempts = 3\n")
    assert split.config("alerting")["retry"] == {"attempts": 3}
    with split.without("alerting"):
        extra.unlink()
    assert "retry" not in split.config("alerting")
