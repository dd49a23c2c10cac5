"""How many connections a listener holds, and how long each may take for what it does.

Descriptors are scarce: each listener has a share of what the system grants the process, so that a crowd
on one listener leaves the others, OCSP and the operators' among them, as they were.
"""

import ipaddress
import resource
from typing import Self

from pydantic import Field, model_validator

from newel.runtime.config import Config, ConfigError
from newel.runtime.http.client_addresses import LOOPBACK

OWN_DESCRIPTORS = 128
"""Of the process itself: databases, logs, connections to other services, validations."""
LEAST_DESCRIPTORS = OWN_DESCRIPTORS + 64
_WANTED_DESCRIPTORS = 65_536
_SHARES = {"https": 1 / 2, "http": 1 / 4, "health": 1 / 8}
_MOST_HEALTH = 64


class ConnectionLimits(Config):
    """The bounds of every listener. The workers of one program count their connections together."""

    listener: int = Field(default=2048, ge=8, le=1_000_000)
    """Connections of one listener; fewer where the descriptors do not suffice and none were asked for."""
    per_address: int = Field(default=320, ge=1, le=1_000_000)
    """Connections of one client address, IPv6: of one /64; by default three quarters of the listener's at most."""
    trusted: tuple[ipaddress.IPv4Network | ipaddress.IPv6Network, ...] = LOOPBACK
    """Clients without a bound of their own: balancers and proxies, behind which all clients have one address."""
    handshake_seconds: float = Field(default=10, gt=0, le=3600)
    """For a TLS handshake, from the connection on."""
    head_seconds: float = Field(default=15, gt=0, le=3600)
    """From the connection, or the first octet of a further request, to the end of its header."""
    body_seconds: float = Field(default=15, gt=0, le=3600)
    """For the whole body, whether the app reads it or not."""
    idle_seconds: int = Field(default=75, gt=0, le=3600)
    """Between two requests."""
    answer_seconds: float = Field(default=120, gt=0, le=3600)
    """In which a client that lets an answer wait has to read on."""

    @model_validator(mode="after")
    def _check_order(self) -> Self:
        both = {"listener", "per_address"} <= self.model_fields_set
        if both and self.per_address > self.listener:
            raise ValueError("per_address is more than listener")
        return self

    def most(self, listener: str, descriptors: int) -> int:
        """Decide how many connections a listener may have. Raises ConfigError for more than there can be.

        ``descriptors`` is what the process may have open.
        """
        if descriptors < LEAST_DESCRIPTORS:
            raise ConfigError(
                f"this process may open {descriptors} files, and needs {LEAST_DESCRIPTORS};"
                " raise the limit (ulimit -n, LimitNOFILE)"
            )
        share = int((descriptors - OWN_DESCRIPTORS) * _SHARES.get(listener, _SHARES["http"]))
        if listener == "health":
            return min(share, _MOST_HEALTH)
        if self.listener > share and "listener" in self.model_fields_set:
            raise ConfigError(
                f"connections.listener: {self.listener} connections of the listener {listener} need more"
                f" than the {descriptors} files this process may open; raise the limit (ulimit -n,"
                " LimitNOFILE)"
            )
        return min(self.listener, share)


def claim_descriptors() -> int:
    """Raise the limit of open files as far as the system lets a process; return what it is then."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = (
        _WANTED_DESCRIPTORS if hard == resource.RLIM_INFINITY else min(hard, _WANTED_DESCRIPTORS)
    )
    if soft == resource.RLIM_INFINITY or soft >= wanted:
        return _WANTED_DESCRIPTORS if soft == resource.RLIM_INFINITY else soft
    resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
    return wanted
