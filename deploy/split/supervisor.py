"""Keeps the parts running: what ends is started again, what is held stays down, and all end together."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from deploy.split.layout import Layout
from deploy.split.parts import Part
from newel.runtime.process.parent import Lifeline
from newel.runtime.process.workers import pause

_LOOKS_EVERY = 0.1
_SOON = 5.0
_LONGEST_PAUSE = 10.0
_READY_WITHIN = 90.0
_DRAIN_SECONDS = 30.0


class NotReadyError(Exception):
    """A part that did not become ready; the message names its log."""


@dataclass(slots=True)
class _RunningPart:
    part: Part
    process: "subprocess.Popen[bytes] | None" = None
    began: float = 0.0
    pause: float = 0.0
    again_at: float = 0.0


@dataclass(slots=True)
class Supervisor:
    """Runs the parts it is given, each with a log of its own."""

    layout: Layout
    stopping: bool = False
    _lifeline: Lifeline = field(default_factory=Lifeline)
    _running: list[_RunningPart] = field(default_factory=list[_RunningPart])

    def __post_init__(self) -> None:
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._stop_on_signal)

    def _stop_on_signal(self, _number: int, _frame: object) -> None:
        self.stopping = True

    def bring_up(self, parts: Sequence[Part]) -> None:
        """Start parts at once and wait until all are ready. Raises NotReadyError."""
        new = [_RunningPart(part) for part in parts]
        self._running += new
        end = time.monotonic() + _READY_WITHIN
        while not self.stopping:
            self._look()
            waiting = [
                each.part for each in new if not self._is_on_hold(each) and not each.part.ready()
            ]
            if not waiting:
                return
            if time.monotonic() > end:
                raise NotReadyError("\n".join(map(self._last_words, waiting)))
            pause(_LOOKS_EVERY)

    def watch(self, look: Callable[[], None]) -> None:
        """Run until told to stop. ``look`` is called after every check of the parts."""
        while not self.stopping:
            self._look()
            look()
            pause(_LOOKS_EVERY)

    def end(self) -> int:
        """End the parts in the reverse of the order they were started in; return 0 when all ended well."""
        status = 0
        for each in reversed(self._running):
            status |= self._stop(each)
        return status

    def _last_words(self, part: Part) -> str:
        log = self.layout.log / f"{part.name}.log"
        last = log.read_text(errors="replace").splitlines()[-1:]
        return f"{part.name} is not ready within {_READY_WITHIN:.0f} s; the end of {log}: {''.join(last)[:2000]}"

    def _look(self) -> None:
        for each in self._running:
            now = time.monotonic()
            if each.process is not None and each.process.poll() is not None:
                soon = now - each.began < _SOON
                each.pause = min(max(each.pause * 2, 0.2), _LONGEST_PAUSE) if soon else 0.0
                sys.stderr.write(
                    f"{each.part.name} ended with {each.process.returncode}; it is started again\n"
                )
                each.process, each.again_at = None, now + each.pause
            if self._is_on_hold(each):
                self._stop(each)
            elif each.process is None and now >= each.again_at:
                self._start(each)

    def _is_on_hold(self, each: _RunningPart) -> bool:
        return (self.layout.hold / each.part.name).exists()

    def _start(self, each: _RunningPart) -> None:
        part = each.part
        part.prepare()
        with (self.layout.log / f"{part.name}.log").open("ab") as log:
            # A session of its own: Ctrl-C reaches this program alone, which tells each part once.
            each.process = subprocess.Popen(
                part.command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                user=part.user,
                env=self._lifeline.environment({**os.environ, **part.env}),
                pass_fds=self._lifeline.pass_fds,
                cwd=self.layout.state,
                start_new_session=True,
            )
        each.began = time.monotonic()
        file = self.layout.state / "run" / part.name
        written = file.with_name(f".{part.name}")
        written.write_text(f"{each.process.pid}\n")
        written.rename(file)  # whole: others read it at any moment

    def _stop(self, each: _RunningPart) -> int:
        process, each.process = each.process, None
        if process is None:
            return 0
        with contextlib.suppress(ProcessLookupError):
            process.send_signal(each.part.stop)
        end = time.monotonic() + _DRAIN_SECONDS
        while process.poll() is None and time.monotonic() < end:
            pause(0.02)
        if process.poll() is None:
            sys.stderr.write(f"{each.part.name} does not end and is killed\n")
            process.kill()
            process.wait()
            return 1
        return int(process.returncode != 0)
