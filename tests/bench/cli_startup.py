"""How long commands take from the first instruction to the exit code, beside the original's.

    .venv/bin/python tests/bench/cli_startup.py [--runs 21]

Whole processes, one after the other, the two programs in turn so that a busy moment meets both. Prints a
Markdown table of medians in milliseconds: on the clock, and of CPU (the process's own and the kernel's for
it), which is the fairer one where the machine has something else to do.
"""

import argparse
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

sys.path.insert(0, str(Path(__file__).parents[1]))

from fixtures.processes import free_port
from fixtures.running import NEWEL, others, serve_newel


class Cost(NamedTuple):
    """Milliseconds of one process, or the medians of several."""

    wall: float
    cpu: float

    def __str__(self) -> str:
        return f"{self.wall:.0f} ({self.cpu:.0f})"


def commands(folder: Path, password: Path) -> dict[str, list[str]]:
    """What is measured, by the name it is given in the table."""
    certificate, key = str(folder / "bench.crt"), str(folder / "bench.key")
    fresh = [str(folder / "fresh.crt"), str(folder / "fresh.key")]
    provisioner = ["--provisioner", "admin", "--password-file", str(password)]
    return {
        "version": ["version"],
        "path": ["path"],
        "completion bash": ["completion", "bash"],
        "certificate inspect": ["certificate", "inspect", certificate],
        "certificate inspect --format json": ["certificate", "inspect", "--format", "json", certificate],
        "certificate fingerprint": ["certificate", "fingerprint", certificate],
        "certificate needs-renewal": ["certificate", "needs-renewal", certificate],
        "crypto keypair": [
            "crypto", "keypair", *fresh, "--force", "--no-password", "--insecure",
        ],
        "ca health": ["ca", "health"],
        "ca renew": ["ca", "renew", "--force", certificate, key],
        "ca certificate": ["ca", "certificate", "bench.internal", *fresh, "--force", *provisioner],
    }  # fmt: skip # a command line


def run_once(words: Sequence[str], environment: Mapping[str, str], allowed: Sequence[int]) -> Cost:
    """Return what one process costs. Raises SystemExit when it does not end as it should."""
    start, before = time.perf_counter(), resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(
        words, env=dict(environment), capture_output=True, stdin=subprocess.DEVNULL, check=False
    )
    wall, after = time.perf_counter() - start, resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode not in allowed:
        raise SystemExit(f"{words}: {done.stderr.decode()}")
    cpu = after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime
    return Cost(wall * 1000, cpu * 1000)


def measure(words: Sequence[str], environment: Mapping[str, str], runs: int) -> tuple[Cost, Cost]:
    """Our medians and the original's; the first run of each only fills the caches."""
    allowed = (0, 1) if "needs-renewal" in words else (0,)
    rounds = [
        [run_once([program, *words], environment, allowed) for program in (NEWEL, others("step"))]
        for _ in range(runs + 1)
    ]
    ours, theirs = (list(costs) for costs in zip(*rounds[1:], strict=True))
    return median(ours), median(theirs)


def median(costs: list[Cost]) -> Cost:
    """The middle of each."""
    return Cost(*(statistics.median(values) for values in zip(*costs, strict=True)))


def prepare(state: Path, folder: Path, url: str, password: Path) -> dict[str, str]:
    """A machine that trusts the authority and has a certificate; its environment."""
    environment = {**os.environ, "STEPPATH": str(folder / "step")}

    def newel(*words: str) -> str:
        done = subprocess.run(
            [NEWEL, *words], env=environment, capture_output=True, text=True, check=True
        )
        return done.stdout.strip()

    fingerprint = newel("certificate", "fingerprint", str(state / "certs/root_ca.crt"))
    newel("ca", "bootstrap", "--ca-url", url, "--fingerprint", fingerprint)
    files = [str(folder / "bench.crt"), str(folder / "bench.key")]
    words = ["--provisioner", "admin", "--password-file", str(password)]
    newel("ca", "certificate", "bench.internal", *files, *words)
    return environment


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(
        description="Medians of whole processes, ours and the original's."
    )
    parser.add_argument("--runs", type=int, default=21)
    runs = parser.parse_args().runs
    print("| command | ours, ms (CPU) | the original, ms (CPU) |\n|---|---|---|")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with serve_newel(folder / "state", free_port(), free_port()) as (authority, _):
            environment = prepare(authority.state, folder, authority.url, authority.password_file)
            for title, words in commands(folder, authority.password_file).items():
                ours, theirs = measure(words, environment, runs)
                print(f"| `{title}` | {ours} | {theirs} |", flush=True)


if __name__ == "__main__":
    main()
