"""`python tests/bench/pairs.py`: ours and the Go peer's CPU, both up at once and driven in turn.

What else a machine does changes from minute to minute, and with it the figures of both alike; so each
ratio is that of two runs one after the other, and the median of several is printed. ``--tree`` names the
root of another checkout of this repository, which then takes the place of the peer: before and after a change.
"""

import argparse
import contextlib
import os
import tempfile
from collections.abc import Generator
from pathlib import Path
from statistics import median

from load import Figure, drive
from models import Authority
from servers import newel_up, step_ca


@contextlib.contextmanager
def start_other(tree: Path | None, work: Path, workers: int) -> Generator[Authority]:
    """Start what ours is compared with."""
    work.mkdir()
    if tree is None:
        with step_ca(work, ()) as authority:
            yield authority
        return
    program = str(tree.resolve() / ".venv/bin/newel")
    with newel_up(work, workers, (), program=program) as authority:
        yield authority


def compare(
    first: Authority, second: Authority, operation: str, options: argparse.Namespace
) -> None:
    """Drive both in turn and print each pair, then the medians."""
    pairs: list[tuple[Figure, Figure]] = []
    for number in range(options.pairs):
        # the one that goes first goes second the next time
        order = (first, second) if number % 2 == 0 else (second, first)
        figures = {
            id(each): drive(each, operation, seconds=options.seconds, workers=options.clients)
            for each in order
        }
        ours, theirs = figures[id(first)], figures[id(second)]
        pairs.append((ours, theirs))
        print(
            f"{operation:6} cpu {ours.cpu_ms:.3f} {theirs.cpu_ms:.3f} ms x{ours.cpu_ms / theirs.cpu_ms:.2f}"
            f"   rate {ours.per_second:,.0f} {theirs.per_second:,.0f}/s x{ours.per_second / theirs.per_second:.2f}"
            f"   p99 {ours.p99_ms:.1f} {theirs.p99_ms:.1f} ms   errors {ours.errors} {theirs.errors}"
            f"   load {os.getloadavg()[0]:.1f}",
            flush=True,
        )
    cpu = median(ours.cpu_ms / theirs.cpu_ms for ours, theirs in pairs)
    rate = median(ours.per_second / theirs.per_second for ours, theirs in pairs)
    late = median(ours.p99_ms / theirs.p99_ms for ours, theirs in pairs)
    print(
        f"{operation:6} median of {len(pairs)}: cpu x{cpu:.2f}   rate x{rate:.2f}   p99 x{late:.2f}"
    )


def main() -> None:
    """Read the options and compare."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pairs", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=4, help="how long each run of a pair takes")
    parser.add_argument("--clients", type=int, default=16, help="connections at once")
    parser.add_argument("--workers", type=int, default=1, help="worker processes of `newel up`")
    parser.add_argument("--operations", default="sign,renew")
    parser.add_argument("--tree", type=Path, help="another checkout, in place of the peer")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="newel-bench-") as folder:
        ours, other = Path(folder) / "ours", Path(folder) / "other"
        ours.mkdir()
        with (
            newel_up(ours, options.workers, ()) as first,
            start_other(options.tree, other, options.workers) as second,
        ):
            for operation in options.operations.split(","):
                compare(first, second, operation, options)


if __name__ == "__main__":
    main()
