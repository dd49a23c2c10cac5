"""Profiles: what a certificate may be, whoever asks for it."""

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass

from newel.crypto import extensions, profile
from newel.issuing.config import ProfileConfig
from newel.issuing.issuers import Issuer
from newel.runtime.errors import ErrorType, NewelError

# RFC 5280 §4.2.1.12
_PURPOSES = {
    "serverAuth": extensions.SERVER_AUTH,
    "clientAuth": extensions.CLIENT_AUTH,
    "codeSigning": "1.3.6.1.5.5.7.3.3",
    "emailProtection": "1.3.6.1.5.5.7.3.4",
    "timeStamping": "1.3.6.1.5.5.7.3.8",
}


@dataclass(frozen=True, slots=True)
class Validity:
    """Both ends are part of it, in whole seconds (RFC 5280 §4.1.2.5)."""

    not_before: dt.datetime
    not_after: dt.datetime


class Profile:
    """One profile of the configuration. ``shape`` is what the encoder follows."""

    def __init__(self, name: str, config: ProfileConfig) -> None:
        self.name = name
        self.config = config
        self.shape = profile.Profile(
            name=name,
            default_validity=config.default_duration,
            min_validity=config.min_duration,
            max_validity=config.max_duration,
            backdate=config.backdate,
            extended_key_usage=tuple(
                _PURPOSES.get(each, each) for each in config.extended_key_usages
            ),
            common_name=config.common_name,
            allowed_extensions=frozenset(config.caller_extensions),
        )

    def validity(
        self,
        issuer: Issuer,
        now: dt.datetime,
        not_before: dt.datetime | None,
        not_after: dt.datetime | None,
    ) -> Validity:
        """The validity of a new certificate. Raises ``malformed`` for what the profile forbids."""
        oldest = now - max(self.config.oldest_start, self.config.backdate)
        if not_before is not None and not_before.replace(microsecond=0) < oldest.replace(
            microsecond=0
        ):
            raise NewelError(ErrorType.MALFORMED, "notBefore lies too far in the past")
        try:
            start, end = self.shape.validity(
                now, issuer_not_after=issuer.not_after, not_before=not_before, not_after=not_after
            )
        except profile.ProfileError as error:
            raise NewelError(ErrorType.MALFORMED, str(error)) from None
        return Validity(max(start, issuer.not_before), end)

    def renewed(
        self, issuer: Issuer, now: dt.datetime, old: Validity, limit: dt.timedelta | None
    ) -> Validity:
        """The validity of a renewal: as long as the old one was, within today's limits.

        Raises ``malformed`` when the issuer ends before the shortest allowed certificate would.
        """
        now = now.replace(microsecond=0)
        longest = min(self.config.max_duration, limit or self.config.max_duration)
        start = now - self.config.backdate
        end = min(start + (old.not_after - old.not_before), now + longest, issuer.not_after)
        if end - now < self.config.min_duration:
            raise NewelError(ErrorType.MALFORMED, "the renewed certificate would end at once")
        return Validity(max(start, issuer.not_before), end)


class Profiles:
    """Every profile, by name."""

    def __init__(self, configs: Mapping[str, ProfileConfig], default: str) -> None:
        self._profiles = {name: Profile(name, config) for name, config in configs.items()}
        self._default = default

    def get(self, name: str) -> Profile:
        """The profile of this name, the default for "". Raises ``invalidProfile``."""
        found = self._profiles.get(name or self._default)
        if found is None:
            raise NewelError(ErrorType.INVALID_PROFILE, f"there is no certificate profile {name!r}")
        return found
