"""Several processes on the same addresses: one binds, each worker inherits the sockets and serves them.

A worker that dies is started again; one that dies at once, again and again, ends the program.
"""

import os
import signal
import socket
import subprocess
import sys
import time
from dataclasses import dataclass, field

READY_SECONDS = 60.0
TOO_SOON = 5.0
DRAIN_SECONDS = 20.0


@dataclass(slots=True)
class Workers:
    """The processes and what they are started with."""

    arguments: list[str]  # of `newel up`, less those of the workers themselves
    sockets: dict[str, socket.socket]
    count: int
    _running: dict[int, subprocess.Popen[bytes]] = field(
        default_factory=dict[int, "subprocess.Popen[bytes]"]
    )
    _began: dict[int, float] = field(default_factory=dict[int, float])
    _stopping: bool = False

    def run(self) -> int:
        """Starts the first worker, then the others, and watches them until told to stop."""
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, self._told)
        # The first one alone brings the databases up to date.
        self._start(0)
        for worker in range(1, self.count):
            if not self._stopping:
                self._start(worker)
        status = self._watch()
        self._end()
        return status

    def _told(self, number: int, _frame: object) -> None:
        if number == signal.SIGHUP:
            self._send(signal.SIGHUP)
        else:
            self.stop()

    def stop(self) -> None:
        """Tells every worker to drain."""
        self._stopping = True
        self._send(signal.SIGTERM)

    def _send(self, number: signal.Signals) -> None:
        for process in self._running.values():
            if process.poll() is None:
                process.send_signal(number)

    def _start(self, worker: int) -> None:
        """Starts one worker and waits until it serves."""
        for listener in self.sockets.values():
            listener.set_inheritable(True)
        descriptors = {name: listener.fileno() for name, listener in self.sockets.items()}
        reading, writing = os.pipe()
        os.set_inheritable(writing, True)
        given = ",".join(
            f"{name}={number}" for name, number in [*descriptors.items(), ("ready", writing)]
        )
        command = [
            sys.executable, "-m", "newel.standalone", *self.arguments,
            "--workers", "1", "--worker", str(worker), "--sockets", given,
        ]  # fmt: skip
        self._began[worker] = time.monotonic()
        self._running[worker] = subprocess.Popen(
            command, pass_fds=[*descriptors.values(), writing], start_new_session=True
        )
        os.close(writing)
        with os.fdopen(reading, "rb") as pipe:
            pipe.read(1)  # one octet when it serves, the end of the pipe when it died

    def _watch(self) -> int:
        while not self._stopping:
            time.sleep(0.2)
            for worker, process in list(self._running.items()):
                status = process.poll()
                if status is None or self._stopping:
                    continue
                if time.monotonic() - self._began[worker] < TOO_SOON:
                    print(
                        f"newel up: worker {worker} ended with {status} as soon as it began",
                        file=sys.stderr,
                    )
                    self.stop()
                    return 1
                self._start(worker)
        return 0

    def _end(self) -> None:
        deadline = time.monotonic() + DRAIN_SECONDS
        for process in self._running.values():
            try:
                process.wait(max(0.1, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                process.kill()
