"""The authorities that are measured: each started on loopback with a fresh state, and stopped again."""

import contextlib
import json
import os
import signal
import ssl
import subprocess
import sys
import time
import urllib.request
from collections.abc import Generator, Sequence
from pathlib import Path

from load import drive
from models import Authority, peer
from preload import preload
from proofs import Proof, add_provisioners

from fixtures.processes import free_block, free_port
from newel.jose import jwe

ROOT = Path(__file__).parents[2]


def wait_healthy(
    url: str, root: Path, process: subprocess.Popen[bytes], seconds: float = 60
) -> float:
    """Seconds until ``/health`` answered; raises when it does not."""
    began = time.monotonic()
    while time.monotonic() - began < seconds:
        if process.poll() is not None:
            raise RuntimeError(f"the server ended with {process.returncode} before it answered")
        with contextlib.suppress(OSError, ssl.SSLError):
            context = ssl.create_default_context(cafile=str(root))
            with urllib.request.urlopen(f"{url}/health", context=context, timeout=2):
                return time.monotonic() - began
        time.sleep(0.02)
    raise RuntimeError(f"{url} did not answer within {seconds:.0f} s")


def write_decrypted_key(url: str, root: Path, password: str, target: Path) -> Path:
    """Writes the first JWK provisioner's private key, decrypted, for the load generator."""
    context = ssl.create_default_context(cafile=str(root))
    with urllib.request.urlopen(f"{url}/provisioners", context=context) as answer:
        provisioners = json.load(answer)["provisioners"]
    encrypted = next(p["encryptedKey"] for p in provisioners if p["type"] == "JWK")
    target.write_bytes(jwe.decrypt_with_password(encrypted, password.encode()))
    return target


@contextlib.contextmanager
def run_process(
    command: list[str], log: Path, env: dict[str, str] | None = None
) -> Generator[subprocess.Popen[bytes]]:
    """A process in its own group, ended with SIGTERM and, if it must be, SIGKILL."""
    with log.open("wb") as sink:
        process = subprocess.Popen(
            command,
            stdout=sink,
            stderr=sink,
            start_new_session=True,
            env={**os.environ, **(env or {})},
        )
        try:
            yield process
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGTERM)
                with contextlib.suppress(subprocess.TimeoutExpired):
                    process.wait(20)
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)


def add_policy(config: Path, constraints: int) -> None:
    """Give an authority a policy that allows the names that are measured and denies many others."""
    ca = json.loads(config.read_text())
    denied = [f"host-{number}.example" for number in range(constraints - 1)]
    policy = {"x509": {"allow": {"dns": ["localhost"]}, "deny": {"dns": denied}}}
    ca["authority"]["policy"] = policy
    config.write_text(json.dumps(ca))


@contextlib.contextmanager
def newel_up(
    work: Path,
    workers: int,
    proofs: Sequence[Proof],
    stored: int = 0,
    constraints: int = 0,
    program: str = "",
) -> Generator[Authority]:
    """Our embedded default: `newel up` on SQLite, with so many certificates stored beforehand.

    ``program`` is the `newel` of another checkout, where it is not the one of this environment.
    """
    with start_newel(work, 1, program):
        pass
    add_provisioners(work / "newel/config/ca.json", proofs)
    if constraints:
        add_policy(work / "newel/config/ca.json", constraints)
    if stored:
        with start_newel(work, 1, program) as authority:
            drive(authority, "sign", seconds=1, workers=2)
            time.sleep(1)  # until the projections have seen what they are to be copied from
        preload(work / "newel", stored)
    with start_newel(work, workers, program) as authority:
        yield authority


@contextlib.contextmanager
def start_newel(work: Path, workers: int, program: str = "") -> Generator[Authority]:
    """Runs `newel up` until the block ends."""
    state = work / "newel"
    port, http_port = free_port(), free_port()
    newel = program or str(Path(sys.executable).with_name("newel"))
    command = [
        newel, "up", "--state", str(state), "--address", f"127.0.0.1:{port}",
        "--http-address", f"127.0.0.1:{http_port}", "--workers", str(workers),
        "--metrics-address", f"127.0.0.1:{free_port()}", "--ssh",
    ]  # fmt: skip # a command line
    with run_process(command, work / "newel.log") as process:
        root = state / "certs/root_ca.crt"
        url = f"https://127.0.0.1:{port}"
        wait_healthy(url, root, process)
        password = (state / "secrets/password").read_text().strip()
        jwk = write_decrypted_key(url, root, password, work / "newel.jwk")
        yield Authority("newel", url, f"http://127.0.0.1:{http_port}", root, jwk, (process.pid,))


@contextlib.contextmanager
def newel_split(work: Path, workers: int) -> Generator[Authority]:
    """The six services with PostgreSQL, NATS and SoftHSM. What is counted is the services' own CPU."""
    state = work / "split"
    port, http_port, first = free_port(), free_port(), free_block(100)
    command = [
        sys.executable, "-m", "deploy.split", "--state", str(state), "--address", f"127.0.0.1:{port}",
        "--http-address", f"127.0.0.1:{http_port}", "--ports", str(first), "--workers", str(workers), "--ssh",
    ]  # fmt: skip # a command line
    work.chmod(0o755)  # PostgreSQL runs as a user of its own
    with run_process(
        command, work / "split.log", {"PYTHONPATH": f"{ROOT}:{os.environ.get('PYTHONPATH', '')}"}
    ) as process:
        root = state / "certs/root_ca.crt"
        url = f"https://127.0.0.1:{port}"
        wait_healthy(url, root, process)
        password = (state / "secrets/password").read_text().strip()
        jwk = write_decrypted_key(url, root, password, work / "split.jwk")
        listed = subprocess.run(
            ["pgrep", "-P", str(process.pid), "-f", "newel[.]"],
            capture_output=True,
            text=True,
            check=True,
        )
        pids = tuple(int(line) for line in listed.stdout.split())
        yield Authority("newel", url, f"http://127.0.0.1:{http_port}", root, jwk, pids)


@contextlib.contextmanager
def step_ca(work: Path, proofs: Sequence[Proof], constraints: int = 0) -> Generator[Authority]:
    """The Go peer on its embedded database."""
    home, port = work / "step", free_port()
    password = work / "step.password"
    password.write_text("bench-password")
    env = {"STEPPATH": str(home)}
    subprocess.run(
        [
            peer("step"), "ca", "init", "--name", "Bench", "--dns", "localhost", "--dns", "127.0.0.1",
            "--address", f"127.0.0.1:{port}", "--provisioner", "admin", "--acme", "--ssh",
            "--deployment-type", "standalone", "--password-file", str(password),
            "--provisioner-password-file", str(password),
        ],
        env={**os.environ, **env}, check=True, capture_output=True,
    )  # fmt: skip # a command line
    config = home / "config/ca.json"
    add_provisioners(config, proofs)
    if constraints:
        add_policy(config, constraints)
    command = [peer("step-ca"), str(config), "--password-file", str(password)]
    with run_process(command, work / "step-ca.log", env) as process:
        root = home / "certs/root_ca.crt"
        url = f"https://127.0.0.1:{port}"
        wait_healthy(url, root, process)
        jwk = write_decrypted_key(url, root, "bench-password", work / "step.jwk")
        yield Authority("step-ca", url, "", root, jwk, (process.pid,))
