"""Profiles: what a certificate may be, whoever asks for it."""

import datetime as dt
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property

from newel.crypto import extensions, profile
from newel.crypto.dns_names import STRICT, NameRules
from newel.issuing.config import STEP_EXTENSION, ProfileConfig
from newel.issuing.issuers import Issuer
from newel.runtime.errors import ErrorType, NewelError

_SLACK = dt.timedelta(minutes=1)
"""How far the registration authority's clock may be ahead of this one's."""

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
    """One profile of the configuration. ``shape`` is what the encoder follows.

    ``key`` tells profiles and what was left of them (see :meth:`narrowed`) apart.
    """

    def __init__(self, name: str, config: ProfileConfig, *, must_staple: bool = False) -> None:
        self.name = self.key = name
        self.config = config
        self.names = NameRules(underscores=True) if config.allow_underscores else STRICT
        self._narrower: dict[str, Profile] = {}
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
            must_staple=must_staple,
        )

    def narrowed(self, usages: Collection[str], purposes: Collection[str]) -> "Profile":
        """The profile with these of its key usages and extended key usages alone; none leaves all.

        Raises ``malformed`` for one the profile has not, or when none would be left.
        """
        shape = self.shape
        kept = replace(
            shape,
            key_usage=chosen(shape.key_usage, usages),
            rsa_key_usage=chosen(shape.rsa_key_usage, usages),
            extended_key_usage=chosen(shape.extended_key_usage, purposes),
        )
        known = {*shape.key_usage, *shape.rsa_key_usage, *shape.extended_key_usage}
        for each in (*usages, *purposes):
            if each not in known:
                raise NewelError(ErrorType.MALFORMED, f"the profile has no usage {each[:64]}")
        if kept == shape:
            return self
        if not (kept.key_usage and kept.rsa_key_usage) or (
            purposes and not kept.extended_key_usage
        ):
            raise NewelError(ErrorType.MALFORMED, "a certificate needs a usage and a purpose")
        key = " ".join((self.name, *kept.rsa_key_usage, *kept.key_usage, *kept.extended_key_usage))
        if key not in self._narrower:
            narrower = Profile(self.name, self.config)
            narrower.key, narrower.shape = key, kept
            self._narrower[key] = narrower
        return self._narrower[key]

    @cached_property
    def _values(self) -> tuple[frozenset[bytes], bytes]:
        """The values of both usage extensions, DER: of the one for each kind of key, and the other."""
        usages = (self.shape.key_usage, self.shape.rsa_key_usage)
        purposes = self.shape.extended_key_usage
        return (
            frozenset(extensions.key_usage(each).value for each in usages),
            extensions.extended_key_usage(purposes).value if purposes else b"",
        )

    def no_wider(self, usage: bytes, purpose: bytes) -> "Profile":
        """The profile, narrowed to what a certificate with these extension values has.

        The values are DER, empty for an extension that is not there. What the profile has meanwhile
        lost is lost; what it has gained stays out of a certificate that never had it.
        """
        shape = self.shape
        own_usages, own_purposes = self._values
        whole, same = usage in own_usages, purpose == own_purposes
        if whole and same:
            return self
        usages = () if whole else extensions.key_usages_of(usage)
        purposes = () if same else extensions.extended_key_usages_of(purpose)
        known = {*shape.key_usage, *shape.rsa_key_usage}
        return self.narrowed(
            [each for each in usages if each in known],
            [each for each in purposes if each in shape.extended_key_usage],
        )

    def still(self, found: Iterable[extensions.Extension]) -> tuple[extensions.Extension, ...]:
        """The extensions of a certificate that the profile has not lost meanwhile."""
        own = STEP_EXTENSION if self.config.provisioner_extension else ""
        return tuple([each for each in found if each.oid == own or self.shape.allows(each)])

    def validity(
        self,
        issuer: Issuer,
        now: dt.datetime,
        not_before: dt.datetime | None,
        not_after: dt.datetime | None,
        usual: dt.timedelta | None = None,
    ) -> Validity:
        """The validity of a new certificate; ``usual`` is its length when no end was asked for.

        Raises ``malformed`` for what the profile forbids.
        """
        oldest = now - max(self.config.oldest_start, self.config.backdate)
        if not_before is not None and not_before.replace(microsecond=0) < oldest.replace(
            microsecond=0
        ):
            raise NewelError(ErrorType.MALFORMED, "notBefore lies too far in the past")
        if not_before is not None and not_before > now + self.config.latest_start + _SLACK:
            raise NewelError(ErrorType.MALFORMED, "notBefore lies too far in the future")
        try:
            start, end = self.shape.validity(
                now,
                issuer_not_after=issuer.not_after,
                not_before=not_before,
                not_after=not_after,
                usual=usual,
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


def chosen(own: tuple[str, ...], wanted: Collection[str]) -> tuple[str, ...]:
    """The profile's own that are wanted; all when nothing is."""
    return tuple(each for each in own if each in wanted) if wanted else own


class Profiles:
    """Every profile, by name. ``staples``: the certificates name a responder to staple from."""

    def __init__(
        self, configs: Mapping[str, ProfileConfig], default: str, *, staples: bool = False
    ) -> None:
        self._profiles = {
            name: Profile(name, config, must_staple=staples and config.must_staple)
            for name, config in configs.items()
        }
        self._default = default

    def get(self, name: str) -> Profile:
        """The profile of this name, the default for "". Raises ``invalidProfile``."""
        found = self._profiles.get(name or self._default)
        if found is None:
            raise NewelError(ErrorType.INVALID_PROFILE, f"there is no certificate profile {name!r}")
        return found
