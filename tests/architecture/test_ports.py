"""Ports that tests are given are theirs alone, so that no server finds another on its address."""

import contextlib
import socket
import subprocess
import sys
from pathlib import Path

from fixtures.processes import free_block, free_port

TESTS = Path(__file__).parents[1]


def test_no_port_is_given_twice() -> None:
    sizes = [4, 1, 81, 4, 2] * 12
    blocks = [free_port() if size == 4 else free_block(size) for size in sizes]
    given = [
        port
        for first, size in zip(blocks, sizes, strict=True)
        for port in range(first, first + size)
    ]
    assert len(set(given)) == len(given)


def test_a_port_in_use_is_not_given() -> None:
    """The next one that would be given, but for a program that listens there by now."""
    first = free_port()
    with socket.socket() as server:
        with contextlib.suppress(OSError):  # where another program has it, it is in use as well
            server.bind(("127.0.0.1", first + 6))
        given = free_port()
    assert first + 6 not in range(given, given + 4)


def test_another_process_is_given_others() -> None:
    """Two workers of a run, or two runs on one machine."""
    before = free_port()
    draw = (
        "from fixtures.processes import free_port\n"
        "print(*(free_port() for _ in range(100)), flush=True)\n"
        "input()"  # a range is its process's until that ends
    )
    with subprocess.Popen(
        [sys.executable, "-c", draw],
        cwd=TESTS,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as other:
        assert other.stdout is not None
        others = {int(port) for port in other.stdout.readline().split()}
        own = {before, *(free_port() for _ in range(100))}
        other.communicate("\n")
    assert len(others) == 100
    assert others.isdisjoint({first + number for first in own for number in range(4)})
