"""Several processes of one service on the same addresses: started, watched, ended together.

Each binds the addresses itself (SO_REUSEPORT) and the system spreads connections over them. A
worker that dies is started again, after a pause that grows while it keeps dying at once.
"""

import contextlib
import signal
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

DRAIN_SECONDS = 20.0
_LOOKS_EVERY = 0.1
_SOON = 5.0
_LONGEST_PAUSE = 10.0


@dataclass(slots=True)
class _Worker:
    command: list[str]
    process: "subprocess.Popen[bytes] | None" = None
    began: float = 0.0
    pause: float = 0.0
    again_at: float = 0.0


@dataclass(slots=True)
class Workers:
    """Runs ``command`` with ``--worker 0``, ``--worker 1`` … until told to stop."""

    command: Sequence[str]
    count: int
    _stopping: bool = False
    _workers: list[_Worker] = field(default_factory=list[_Worker])

    def run(self) -> int:
        """Returns, with the exit status of the program, after SIGTERM or SIGINT and the drain."""
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, self._told)
        self._workers = [
            _Worker([*self.command, "--worker", str(number)]) for number in range(self.count)
        ]
        while not self._stopping:
            for worker in self._workers:
                self._look_after(worker)
            time.sleep(_LOOKS_EVERY)
        return self._end()

    def _told(self, number: int, _frame: object) -> None:
        if number == signal.SIGHUP:
            self._send(signal.SIGHUP)
        else:
            self._stopping = True

    def _look_after(self, worker: _Worker) -> None:
        now = time.monotonic()
        if worker.process is not None and worker.process.poll() is not None:
            if now - worker.began < _SOON:
                worker.pause = min(max(worker.pause * 2, 0.2), _LONGEST_PAUSE)
            else:
                worker.pause = 0.0
            worker.process, worker.again_at = None, now + worker.pause
        if worker.process is None and now >= worker.again_at and not self._stopping:
            # a session of its own: Ctrl-C reaches this process, which tells the workers once
            worker.process = subprocess.Popen(worker.command, start_new_session=True)
            worker.began = now

    def _send(self, number: signal.Signals) -> None:
        for worker in self._workers:
            if worker.process is not None and worker.process.poll() is None:
                with contextlib.suppress(ProcessLookupError):
                    worker.process.send_signal(number)

    def _end(self) -> int:
        self._send(signal.SIGTERM)
        deadline = time.monotonic() + DRAIN_SECONDS
        status = 0
        for worker in self._workers:
            if worker.process is None:
                continue
            try:
                status = status or worker.process.wait(max(0.1, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                worker.process.kill()
                status = 1
        return status
