"""Runs the load generator against one authority and returns what it measured."""

import json
import subprocess
from dataclasses import dataclass
from pathlib import Path

from models import Authority, peer

HERE = Path(__file__).parent


@dataclass(frozen=True, slots=True)
class Figure:
    """One operation on one authority."""

    authority: str
    operation: str
    per_second: float
    p50_ms: float
    p99_ms: float
    cpu_ms: float  # of the server's whole process tree, per operation
    rss_mb: int
    errors: int


def build() -> Path:
    """The load generator's binary, built when its source is newer."""
    target = HERE / "loadgen/loadgen"
    newest = max(each.stat().st_mtime for each in target.parent.glob("*.go"))
    if not target.exists() or target.stat().st_mtime < newest:
        subprocess.run([peer("go"), "build", "-o", target.name, "."], cwd=target.parent, check=True)
    return target


def drive(
    authority: Authority,
    operation: str,
    *,
    seconds: int,
    workers: int,
    extra: list[str] | None = None,
) -> Figure:
    """Drives one operation for some seconds: sign, renew, ssh, acme, get or post."""
    command = [
        str(build()), "-url", authority.url, "-root", str(authority.root), "-mode", operation,
        "-jwk", str(authority.jwk), "-pids", ",".join(map(str, authority.pids)),
        "-c", str(workers), "-d", f"{seconds}s", *(extra or []),
    ]  # fmt: skip # a command line
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{authority.name} {operation}: {done.stderr}{done.stdout}")
    said = json.loads(done.stdout)
    if said["errors"]:
        print(
            f"  {authority.name} {operation}: {said['errors']} errors, first: {said.get('first_error')}"
        )
    return Figure(
        authority.name,
        operation,
        said["per_s"],
        said["p50_ms"],
        said["p99_ms"],
        said["server_cpu_ms_per_op"],
        said["server_rss_mb"],
        said["errors"],
    )
