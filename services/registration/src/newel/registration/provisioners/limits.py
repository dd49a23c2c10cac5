"""Claims: the limits of the authority and of each provisioner, which inherits those it does not set."""

import datetime as dt
from dataclasses import dataclass, replace

from newel.durations.go import format_duration, parse_duration
from newel.step.provisioners import Claims


@dataclass(frozen=True, slots=True)
class Durations:
    """How long certificates of one kind are valid."""

    min_duration: dt.timedelta = dt.timedelta(minutes=5)
    max_duration: dt.timedelta = dt.timedelta(hours=24)
    default_duration: dt.timedelta = dt.timedelta(hours=24)

    def inherit(
        self, kind: str, shortest: str | None, longest: str | None, default: str | None
    ) -> "Durations":
        """Return these overridden by what a provisioner sets. ``kind`` is that of the claims' names.

        A default outside inherited bounds moves the bound it crosses, and an inherited default is moved into
        the bounds. Raises ValueError for bounds out of order and unreadable durations.
        """
        usual = _duration(default, self.default_duration)
        low = _duration(shortest, min(self.min_duration, usual))
        high = _duration(longest, max(self.max_duration, usual))
        if not default:
            usual = min(max(usual, low), high)
        if not dt.timedelta(0) < low <= usual <= high:
            raise ValueError(
                f"claims: min{kind}CertDuration, default{kind}CertDuration and max{kind}CertDuration are out"
                f" of order: {format_duration(low)}, {format_duration(usual)}, {format_duration(high)}"
            )
        return Durations(low, high, usual)


USER = Durations(default_duration=dt.timedelta(hours=16))
HOST = Durations(max_duration=dt.timedelta(hours=720), default_duration=dt.timedelta(hours=720))


@dataclass(frozen=True, slots=True)
class Limits:
    """Effective limits. Durations run from notBefore to notAfter, without the backdate."""

    min_duration: dt.timedelta = Durations().min_duration
    max_duration: dt.timedelta = Durations().max_duration
    default_duration: dt.timedelta = Durations().default_duration
    allow_renewal: bool = True
    allow_renewal_after_expiry: bool = False
    include_extension: bool = True
    enable_ssh: bool = False
    ssh_user: Durations = USER
    ssh_host: Durations = HOST

    def inherit(self, claims: Claims | None) -> "Limits":
        """Return these limits overridden by a provisioner's own claims. Raises ValueError."""
        if claims is None:
            return self
        tls = Durations(self.min_duration, self.max_duration, self.default_duration).inherit(
            "TLS", claims.min_tls, claims.max_tls, claims.default_tls
        )
        return replace(
            self,
            min_duration=tls.min_duration,
            max_duration=tls.max_duration,
            default_duration=tls.default_duration,
            allow_renewal=_choose(inverse=claims.disable_renewal, inherited=self.allow_renewal),
            allow_renewal_after_expiry=self.allow_renewal_after_expiry
            if claims.allow_renewal_after_expiry is None
            else claims.allow_renewal_after_expiry,
            include_extension=_choose(
                inverse=claims.disable_smallstep_extensions, inherited=self.include_extension
            ),
            enable_ssh=self.enable_ssh if claims.enable_ssh_ca is None else claims.enable_ssh_ca,
            ssh_user=self.ssh_user.inherit(
                "UserSSH", claims.min_user_ssh, claims.max_user_ssh, claims.default_user_ssh
            ),
            ssh_host=self.ssh_host.inherit(
                "HostSSH", claims.min_host_ssh, claims.max_host_ssh, claims.default_host_ssh
            ),
        )


def _duration(text: str | None, inherited: dt.timedelta) -> dt.timedelta:
    return parse_duration(text) if text else inherited


def _choose(*, inverse: bool | None, inherited: bool) -> bool:
    return inherited if inverse is None else not inverse
