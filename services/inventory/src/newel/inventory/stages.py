"""What is said of a certificate without successor as its lifetime passes, and from when on."""

import math
from enum import IntEnum
from typing import NamedTuple

from newel.inventory.config import Expiry

REGULAR = 3
"""Renewals that an endpoint must have had before the next one is expected."""
EARLIEST = 0.25
"""A certificate that was replaced before this part of its lifetime was not renewed in the usual way."""


class Stage(IntEnum):
    """How late the renewal is. The numbers are stored."""

    UNRENEWED = 1
    """The endpoint was renewed earlier than this every time before."""
    EXPIRING = 2
    """The part of the lifetime has passed that the configuration names."""
    EXPIRED = 3


class Moment(NamedTuple):
    """From when on a stage is reached, in seconds since 1970."""

    at: int
    stage: Stage


class WatchedCertificate(NamedTuple):
    """What the stages of an endpoint's last certificate depend on; times in seconds since 1970."""

    not_before: int
    not_after: int
    warn_at: int | None  # None: nothing is ever said of it
    usual: float | None  # the part of the lifetime after which it was renewed before, at the latest
    renewals: int  # how often
    provisioner_type: str  # "": the authority's own, which a restart renews at any time


def list_stages(watched: WatchedCertificate, expiry: Expiry) -> list[Moment]:
    """List the stages in the order of their times."""
    if watched.warn_at is None:
        return []
    found = [
        Moment(watched.warn_at, Stage.EXPIRING),
        Moment(max(watched.not_after + 1, watched.warn_at), Stage.EXPIRED),
    ]
    is_regular = watched.renewals >= REGULAR and watched.provisioner_type != ""
    if expiry.unrenewed and watched.usual is not None and is_regular:
        life = watched.not_after - watched.not_before
        at = watched.not_before + math.ceil(life * (watched.usual + expiry.unrenewed))
        if at < watched.warn_at:
            found.insert(0, Moment(at, Stage.UNRENEWED))
    return found


def reach(moments: list[Moment], said: int, now: int) -> tuple[Moment | None, int | None]:
    """Return the last stage to be said now, if any, and when to look again, if ever."""
    passed = [each for each in moments if each.at <= now and each.stage > said]
    to_come = [each.at for each in moments if each.at > now]
    return max(passed, key=lambda each: each.stage, default=None), min(to_come, default=None)
