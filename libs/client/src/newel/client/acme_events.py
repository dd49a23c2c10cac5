"""What happens in an ACME exchange: an exchange is a generator that yields events and makes no request itself.

It is sent what came of each event, and returns its result. A program with threads and one with an event
loop drive the same generator (see `acme_transport`).
"""

from collections.abc import Generator, Mapping
from typing import NamedTuple, TypeAlias, TypeVar

Result = TypeVar("Result")


class Request(NamedTuple):
    """One HTTP request to be made; the answer is a `Response`."""

    method: str
    url: str
    body: bytes = b""


class Response(NamedTuple):
    """Its answer; header names in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class Pause(NamedTuple):
    """Wait so many seconds; the answer is None."""

    seconds: float


class Prove(NamedTuple):
    """Make a challenge answerable before going on; the answer is None."""

    kind: str
    identifier: str
    token: str
    authorization: str
    """The key authorization, RFC 8555 §8.1."""


class Withdraw(NamedTuple):
    """The challenge is decided: remove what answered it; the answer is None."""

    identifier: str
    token: str


class Stage(NamedTuple):
    """The state of the order, for progress reports: ``ready`` or ``finalizing``; the answer is None."""

    name: str


Event: TypeAlias = Request | Pause | Prove | Withdraw | Stage
Flow: TypeAlias = Generator[Event, Response | None, Result]
