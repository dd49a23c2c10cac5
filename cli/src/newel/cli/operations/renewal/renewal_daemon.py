"""Repeated renewal: two thirds into each lifetime, with growing pauses after failures."""

import datetime as dt
import signal
import sys
import threading
from collections.abc import Callable

from newel.cli.errors import CliError, UsageError
from newel.cli.operations.renewal import after_renewal
from newel.cli.operations.renewal.after_renewal import AfterRenewal
from newel.cli.operations.renewal.leaf import Leaf
from newel.cli.operations.renewal.renewal import jitter, text
from newel.client import retries
from newel.client.clock import now

LONGEST_WAIT = 30.0
"""Seconds after which the wall clock is looked at again: a machine that slept does not wait on."""


class Schedule:
    """When a certificate is due: a third of its lifetime before its end, or every --…-period."""

    def __init__(
        self,
        leaf: Leaf,
        *,
        daemon: bool,
        margin: dt.timedelta | None,
        period: dt.timedelta | None,
        period_flag: str,
    ) -> None:
        self._period = period
        self._margin = margin
        if self._period is not None and self._margin is not None:
            raise UsageError(f"flag '--expires-in' is incompatible with '--{period_flag}'")
        if self._period is not None and not daemon:
            raise UsageError(f"flag '--{period_flag}' requires the '--daemon' flag")
        for value, flag in ((self._period, period_flag), (self._margin, "expires-in")):
            if value is not None and value >= leaf.lifetime:
                raise UsageError(
                    f"flag '--{flag}' must be within (lower than) the certificate validity period; "
                    f"{flag}={text(value)}, cert-validity-period={text(leaf.lifetime)}"
                )

    def wait(self, leaf: Leaf, moment: dt.datetime) -> dt.timedelta:
        """Return how long to wait; jitter moves a renewal earlier, never later."""
        if self._period is not None:
            due = self._period
        else:
            margin = leaf.lifetime / 3 if self._margin is None else self._margin
            due = leaf.not_after - margin - moment
        return max(dt.timedelta(0), due - jitter(self._period or leaf.lifetime))


def run(
    after: AfterRenewal,
    leaf: Leaf,
    schedule: Schedule,
    renew: Callable[[], tuple[Leaf, str]],
) -> int:
    """Call ``renew`` when it is due until a signal stops it; SIGHUP makes it due now.

    ``renew`` returns the new leaf and what the log shall call it.
    """
    stop, wake = threading.Event(), threading.Event()

    def handle_signal(number: int, _: object) -> None:
        if number != getattr(signal, "SIGHUP", None):
            stop.set()
        wake.set()

    for name in ("SIGHUP", "SIGINT", "SIGTERM"):
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), handle_signal)
    failures, pause = 0, schedule.wait(leaf, now())
    log(f"first renewal in {text(pause)}")
    while True:
        sleep_until(now() + pause, wake)
        if stop.is_set():
            return 0
        try:
            leaf, said = renew()
        except CliError as error:
            failures, pause = failures + 1, retries.pause(failures)
            log(f"error renewing certificate: {error}", level="ERROR")
            continue
        failures, pause = 0, schedule.wait(leaf, now())
        log(f"{said}, next in {text(pause)}")
        try:
            after_renewal.act(after)
        except CliError as error:  # the certificate is new all the same
            log(str(error), level="ERROR")


def sleep_until(moment: dt.datetime, wake: threading.Event) -> None:
    """Wait for the wall clock, or until woken."""
    while (left := (moment - now()).total_seconds()) > 0:
        if wake.wait(min(left, LONGEST_WAIT)):
            break
    wake.clear()


def log(message: str, level: str = "INFO") -> None:
    """Log a line as step's daemon does: information on stdout, errors on stderr."""
    stamp = now().astimezone().strftime("%Y/%m/%d %H:%M:%S")
    print(
        f"{level}: {stamp} {message}",
        file=sys.stderr if level == "ERROR" else sys.stdout,
        flush=True,
    )
