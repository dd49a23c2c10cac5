"""How much a template may spend: it comes from outside, so that it may neither hang nor fill memory."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from newel.gotemplate.errors import CallError, LimitError


@dataclass(frozen=True)
class Limits:
    """Bounds of one execution."""

    steps: int = 200_000
    """Nodes walked, plus elements looked at by functions."""
    octets: int = 8 << 20
    """Everything functions build, in octets or elements, whether it is printed or not."""
    output: int = 1 << 20
    """Length of the result in octets."""
    depth: int = 60
    """Blocks, parentheses and templates within each other."""


@dataclass(frozen=True)
class Environment:
    """What a template may know of the world, and nothing else.

    ``now`` is aware and UTC; ``random`` gives as many octets as asked for. Without them the
    functions that need them refuse.
    """

    now: datetime | None = None
    random: Callable[[int], bytes] | None = None


@dataclass
class Budget:
    """What is left to one execution, and what it may know."""

    limits: Limits = field(default_factory=Limits)
    environment: Environment = field(default_factory=Environment)
    steps: int = 0
    octets: int = 0
    depth: int = 0

    def step(self, count: int = 1) -> None:
        """Counts work."""
        self.steps += count
        if self.steps > self.limits.steps:
            raise LimitError(f"the template takes more than {self.limits.steps} steps")

    def allocate(self, size: int) -> None:
        """Counts memory; to be called before it is taken."""
        self.octets += size
        if self.octets > self.limits.octets:
            raise LimitError(f"the template builds more than {self.limits.octets} octets")

    def descend(self) -> None:
        """One level down; ``ascend`` afterwards."""
        self.depth += 1
        if self.depth > self.limits.depth:
            raise LimitError(f"the template nests deeper than {self.limits.depth}")

    def ascend(self) -> None:
        """One level up."""
        self.depth -= 1

    def now(self) -> datetime:
        """The time, in UTC."""
        if self.environment.now is None:
            raise CallError("there is no clock here")
        return self.environment.now

    def since(self, moment: datetime) -> timedelta:
        """How long ago that was."""
        return self.now() - moment

    def random(self, count: int) -> bytes:
        """Unpredictable octets."""
        if self.environment.random is None:
            raise CallError("there is no randomness here")
        self.allocate(count)
        return self.environment.random(count)
