"""Kills the process between two steps of issuance, for crash tests.

Nothing happens unless the configuration names the step and the environment says the same: a
configuration copied from a test cannot kill a service by itself.
"""

import enum
import os
import signal
from collections.abc import Mapping


class Step(enum.IntEnum):
    """The steps of issuance, as ``issuance.py`` numbers them."""

    KNOWN = 1
    PROFILE = 2
    SERIAL = 3
    BUILD = 4
    INTENT = 5
    SIGN = 6
    ASSEMBLE = 7
    STORE = 8
    ANSWER = 9


class Faults:
    """Kills this process when the step it was given is done."""

    def __init__(
        self, step: int | None = None, environment: Mapping[str, str] | None = None
    ) -> None:
        setting = (os.environ if environment is None else environment).get("NEWEL_FAULT")
        self._step = step if step is not None and setting == f"issuing:{step}" else 0

    def after(self, step: Step) -> None:
        """Note that a step is done, and kill the process if it was the configured one."""
        if step == self._step:
            os.kill(os.getpid(), signal.SIGKILL)
