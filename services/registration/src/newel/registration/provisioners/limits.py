"""Claims: the limits of an authority and of each provisioner, which inherits what it does not set."""

import datetime as dt
from dataclasses import dataclass, replace

from newel.durations.go import format_duration, parse_duration
from newel.step.provisioners import Claims


@dataclass(frozen=True, slots=True)
class Limits:
    """Effective limits. Lengths are from notBefore to notAfter, the backdate not counted."""

    shortest: dt.timedelta = dt.timedelta(minutes=5)
    longest: dt.timedelta = dt.timedelta(hours=24)
    usual: dt.timedelta = dt.timedelta(hours=24)
    renewal: bool = True
    renewal_after_expiry: bool = False
    extension: bool = True

    def inherit(self, claims: Claims | None) -> "Limits":
        """These limits with a provisioner's own claims laid over them.

        A default outside inherited bounds moves the bound it crosses. Raises ValueError for bounds
        out of order or durations that are none.
        """
        if claims is None:
            return self
        usual = _duration(claims.default_tls, self.usual)
        limits = replace(
            self,
            usual=usual,
            shortest=_duration(claims.min_tls, min(self.shortest, usual)),
            longest=_duration(claims.max_tls, max(self.longest, usual)),
            renewal=_choose(inverse=claims.disable_renewal, inherited=self.renewal),
            renewal_after_expiry=self.renewal_after_expiry
            if claims.allow_renewal_after_expiry is None
            else claims.allow_renewal_after_expiry,
            extension=_choose(
                inverse=claims.disable_smallstep_extensions, inherited=self.extension
            ),
        )
        if not claims.default_tls and not limits.shortest <= usual <= limits.longest:
            limits = replace(limits, usual=min(max(usual, limits.shortest), limits.longest))
        if not dt.timedelta(0) < limits.shortest <= limits.usual <= limits.longest:
            raise ValueError(
                "claims: minTLSCertDuration, defaultTLSCertDuration and maxTLSCertDuration are out of order:"
                f" {format_duration(limits.shortest)}, {format_duration(limits.usual)},"
                f" {format_duration(limits.longest)}"
            )
        return limits


def _duration(text: str | None, inherited: dt.timedelta) -> dt.timedelta:
    return parse_duration(text) if text else inherited


def _choose(*, inverse: bool | None, inherited: bool) -> bool:
    return inherited if inverse is None else not inverse
