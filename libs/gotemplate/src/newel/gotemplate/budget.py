"""The work one execution may do. Templates are untrusted: none may hang or fill memory."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from newel.gotemplate.errors import CallError, LimitError


@dataclass(frozen=True)
class Limits:
    """Bounds of one execution."""

    steps: int = 200_000
    """Nodes executed, plus elements that functions examine."""
    octets: int = 8 << 20
    """Size of all values that functions build, in octets or elements."""
    output: int = 1 << 20
    """Length of the result in octets."""
    depth: int = 60
    """Nesting of blocks, parentheses and templates."""


@dataclass(frozen=True)
class Environment:
    """What a template may learn of the world around it.

    ``now`` is aware and in UTC; ``random`` returns the requested number of octets. Functions that need
    one refuse without it.
    """

    now: datetime | None = None
    random: Callable[[int], bytes] | None = None


@dataclass
class Budget:
    """The work left to one execution, and its environment."""

    limits: Limits = field(default_factory=Limits)
    environment: Environment = field(default_factory=Environment)
    steps: int = 0
    octets: int = 0
    depth: int = 0

    def step(self, count: int = 1) -> None:
        """Count units of work. Raises LimitError past the limit."""
        self.steps += count
        if self.steps > self.limits.steps:
            raise LimitError(f"the template takes more than {self.limits.steps} steps")

    def allocate(self, size: int) -> None:
        """Count memory before it is taken. Raises LimitError past the limit."""
        self.octets += size
        if self.octets > self.limits.octets:
            raise LimitError(f"the template builds more than {self.limits.octets} octets")

    def descend(self) -> None:
        """Enter a level of nesting; the caller calls ``ascend`` on leaving it."""
        self.depth += 1
        if self.depth > self.limits.depth:
            raise LimitError(f"the template nests deeper than {self.limits.depth}")

    def ascend(self) -> None:
        """Leave a level of nesting."""
        self.depth -= 1

    def now(self) -> datetime:
        """Return the time in UTC. Raises CallError without a clock."""
        if self.environment.now is None:
            raise CallError("there is no clock here")
        return self.environment.now

    def since(self, moment: datetime) -> timedelta:
        """Return the time passed since a moment."""
        return self.now() - moment

    def random(self, count: int) -> bytes:
        """Return unpredictable octets. Raises CallError without a source."""
        if self.environment.random is None:
            raise CallError("there is no randomness here")
        self.allocate(count)
        return self.environment.random(count)
