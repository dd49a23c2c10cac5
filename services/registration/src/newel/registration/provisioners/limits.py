"""Claims: the limits of the authority and of each provisioner, which inherits those it does not set."""

import datetime as dt
from dataclasses import dataclass, replace

from newel.durations.go import format_duration, parse_duration
from newel.step.provisioners import Claims


@dataclass(frozen=True, slots=True)
class Durations:
    """How long SSH certificates of one type are valid."""

    min_duration: dt.timedelta = dt.timedelta(minutes=5)
    max_duration: dt.timedelta = dt.timedelta(hours=24)
    default_duration: dt.timedelta = dt.timedelta(hours=16)

    def inherit(
        self, kind: str, shortest: str | None, longest: str | None, default: str | None
    ) -> "Durations":
        """Return these overridden by what a provisioner sets. Raises ValueError."""
        own = Durations(
            _duration(shortest, self.min_duration),
            _duration(longest, self.max_duration),
            _duration(default, self.default_duration),
        )
        usable = min(max(own.default_duration, own.min_duration), own.max_duration)
        if not default:  # a bound that is set moves a default that is not
            own = replace(own, default_duration=usable)
        if not dt.timedelta(0) < own.min_duration <= own.default_duration <= own.max_duration:
            raise ValueError(
                f"claims: min{kind}SSHCertDuration, default{kind}SSHCertDuration and"
                f" max{kind}SSHCertDuration are out of order: {format_duration(own.min_duration)},"
                f" {format_duration(own.default_duration)}, {format_duration(own.max_duration)}"
            )
        return own


USER = Durations()
HOST = Durations(max_duration=dt.timedelta(hours=1680), default_duration=dt.timedelta(hours=720))


@dataclass(frozen=True, slots=True)
class Limits:
    """Effective limits. Durations run from notBefore to notAfter, without the backdate."""

    min_duration: dt.timedelta = dt.timedelta(minutes=5)
    max_duration: dt.timedelta = dt.timedelta(hours=24)
    default_duration: dt.timedelta = dt.timedelta(hours=24)
    allow_renewal: bool = True
    allow_renewal_after_expiry: bool = False
    include_extension: bool = True
    enable_ssh: bool = False
    ssh_user: Durations = USER
    ssh_host: Durations = HOST

    def inherit(self, claims: Claims | None) -> "Limits":
        """Return these limits overridden by a provisioner's own claims.

        A default outside inherited bounds moves the bound it crosses. Raises ValueError for bounds out of
        order and unreadable durations.
        """
        if claims is None:
            return self
        default = _duration(claims.default_tls, self.default_duration)
        limits = replace(
            self,
            default_duration=default,
            min_duration=_duration(claims.min_tls, min(self.min_duration, default)),
            max_duration=_duration(claims.max_tls, max(self.max_duration, default)),
            allow_renewal=_choose(inverse=claims.disable_renewal, inherited=self.allow_renewal),
            allow_renewal_after_expiry=self.allow_renewal_after_expiry
            if claims.allow_renewal_after_expiry is None
            else claims.allow_renewal_after_expiry,
            include_extension=_choose(
                inverse=claims.disable_smallstep_extensions, inherited=self.include_extension
            ),
            enable_ssh=self.enable_ssh if claims.enable_ssh_ca is None else claims.enable_ssh_ca,
            ssh_user=self.ssh_user.inherit(
                "User", claims.min_user_ssh, claims.max_user_ssh, claims.default_user_ssh
            ),
            ssh_host=self.ssh_host.inherit(
                "Host", claims.min_host_ssh, claims.max_host_ssh, claims.default_host_ssh
            ),
        )
        if not claims.default_tls and not limits.min_duration <= default <= limits.max_duration:
            limits = replace(
                limits, default_duration=min(max(default, limits.min_duration), limits.max_duration)
            )
        if (
            not dt.timedelta(0)
            < limits.min_duration
            <= limits.default_duration
            <= limits.max_duration
        ):
            raise ValueError(
                "claims: minTLSCertDuration, defaultTLSCertDuration and maxTLSCertDuration are out of order:"
                f" {format_duration(limits.min_duration)}, {format_duration(limits.default_duration)},"
                f" {format_duration(limits.max_duration)}"
            )
        return limits


def _duration(text: str | None, inherited: dt.timedelta) -> dt.timedelta:
    return parse_duration(text) if text else inherited


def _choose(*, inverse: bool | None, inherited: bool) -> bool:
    return inherited if inverse is None else not inverse
