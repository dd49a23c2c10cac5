"""Several processes of one service on the same addresses: started, watched and ended together.

Each binds the addresses itself (SO_REUSEPORT) and the system spreads connections over them. A worker that
dies is started again, after a pause that grows while it keeps dying at once; but where the first start of
every worker is refused, later ones would be too, and the program ends. All end with this process, for
whatever reason it ends. The service manager gets READY once every worker is ready.
"""

import contextlib
import os
import select
import signal
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

from newel.runtime.process import sd_notify
from newel.runtime.process.parent import Lifeline, is_cut, take_lifeline
from newel.runtime.shared_table import TableMemory
from newel.runtime.work import Program, start_program

DRAIN_SECONDS = 20.0
_CHECK_INTERVAL = 0.1
_SOON = 5.0
_LONGEST_PAUSE = 10.0
_LONGEST_START = 60.0
_REFUSED_STARTS = frozenset((1, 2))
"""The exit statuses of a program that printed why it cannot start."""


@dataclass(slots=True)
class _Worker:
    command: list[str]
    process: Program | None = None
    began: float = 0.0
    pause: float = 0.0
    again_at: float = 0.0
    lives: int = 0
    refused: int = 0
    """The exit status of its first run, where that was a refused start."""


@dataclass(slots=True)
class Workers:
    """The processes ``command --worker 0``, ``command --worker 1`` … and their supervision."""

    command: Sequence[str]
    count: int
    _stopping: bool = False
    _workers: list[_Worker] = field(default_factory=list[_Worker])
    _lifeline: Lifeline = field(default_factory=Lifeline)
    _table: TableMemory = field(default_factory=TableMemory)
    _states: sd_notify.States | None = None
    _notified: bool = False

    def run(self) -> int:
        """Run until SIGTERM or SIGINT and the drain; return the program's exit status."""
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, self._on_signal)
        own = take_lifeline()
        self._states = sd_notify.States.open()
        self._workers = [
            _Worker([*self.command, "--worker", str(number)]) for number in range(self.count)
        ]
        while not self._stopping and not is_cut(own):
            for worker in self._workers:
                self._supervise(worker)
            if all(worker.refused for worker in self._workers):
                return max(worker.refused for worker in self._workers)
            self._forward_ready()
            pause(_CHECK_INTERVAL)
        return self._end()

    def _on_signal(self, number: int, _frame: object) -> None:
        if number == signal.SIGHUP:
            if self._states is not None:
                self._states.forget()
                self._notified = False
                sd_notify.notify(sd_notify.reload_state())
            self._send(signal.SIGHUP)
        else:
            self._stopping = True

    def _supervise(self, worker: _Worker) -> None:
        now = time.monotonic()
        if worker.process is not None and worker.process.poll() is not None:
            if now - worker.began < _SOON:
                worker.pause = min(max(worker.pause * 2, 0.2), _LONGEST_PAUSE)
            else:
                worker.pause = 0.0
            first = worker.lives == 1 and now - worker.began < _LONGEST_START
            if first and worker.process.returncode in _REFUSED_STARTS:
                worker.refused = worker.process.returncode
            worker.process, worker.again_at = None, now + worker.pause
        if worker.process is None and now >= worker.again_at and not self._stopping:
            environment = self._table.environment(self._lifeline.environment(os.environ))
            environment.pop(sd_notify.VARIABLE, None)
            if self._states is not None:
                environment[sd_notify.VARIABLE] = self._states.address
            # Ctrl-C reaches this process, which tells the workers once.
            worker.process = start_program(
                worker.command, environment, (*self._lifeline.pass_fds, self._table.descriptor)
            )
            worker.began = now
            worker.lives += 1

    def _forward_ready(self) -> None:
        """Forward READY when every worker has sent it."""
        if self._states is None or self._notified:
            return
        ready = self._states.read_ready()
        if all(worker.process and worker.process.pid in ready for worker in self._workers):
            self._notified = True
            sd_notify.notify(sd_notify.READY)

    def _send(self, number: signal.Signals) -> None:
        for worker in self._workers:
            if worker.process is not None and worker.process.poll() is None:
                with contextlib.suppress(ProcessLookupError):
                    worker.process.send_signal(number)

    def _end(self) -> int:
        sd_notify.notify(sd_notify.STOPPING)
        self._send(signal.SIGTERM)
        deadline = time.monotonic() + DRAIN_SECONDS
        status = 0
        for worker in self._workers:
            if worker.process is None:
                continue
            while worker.process.poll() is None and time.monotonic() < deadline:
                pause(0.02)
            if worker.process.poll() is None:
                worker.process.kill()
                worker.process.wait()
                status = 1
            status = status or worker.process.returncode
        return status


def pause(seconds: float) -> None:
    """Sleep for a duration: ``time.sleep`` waits for a time, which a clock that jumps moves."""
    select.select([], [], [], seconds)
