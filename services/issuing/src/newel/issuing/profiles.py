"""Profiles: the limits of certificates, independent of who asks for them."""

import datetime as dt
import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property

from newel.crypto import extensions, profile
from newel.crypto.dns_names import STRICT, NameRules
from newel.issuing.config import ProfileConfig, usage_name
from newel.issuing.issuers import Issuer
from newel.runtime.errors import ErrorType, NewelError
from newel.step.extension import OID as STEP_EXTENSION

_CLOCK_SKEW = dt.timedelta(minutes=1)
"""How far the registration authority's clock may be ahead of this one's."""

_RSA_ONLY = frozenset({"keyEncipherment", "dataEncipherment"})
"""Key usages that other keys never have (RFC 8813 §3, RFC 9295 §3)."""
_NEEDS_AGREEMENT = frozenset({"encipherOnly", "decipherOnly"})
_OBJECT_IDENTIFIER = re.compile(r"[0-2](\.(0|[1-9][0-9]{0,18})){1,24}")
_MOST_PARTS = 256


@dataclass(frozen=True, slots=True)
class Validity:
    """A validity period in whole seconds, both ends included (RFC 5280 §4.1.2.5)."""

    not_before: dt.datetime
    not_after: dt.datetime


class Profile:
    """One profile of the configuration. The encoder follows ``shape``.

    ``key`` identifies a profile, or a part of one (see :meth:`narrow`).
    """

    def __init__(self, name: str, config: ProfileConfig, *, must_staple: bool = False) -> None:
        self.name = self.key = name
        self.config = config
        self.names = NameRules(underscores=True) if config.allow_underscores else STRICT
        self._parts: dict[str, Profile] = {}
        self.shape = profile.Profile(
            name=name,
            default_duration=config.default_duration,
            min_duration=config.min_duration,
            max_duration=config.max_duration,
            backdate=config.backdate,
            extended_key_usage=tuple(map(usage_name, config.extended_key_usages)),
            common_name=config.common_name,
            allowed_extensions=frozenset(config.caller_extensions),
            allowed_usages=frozenset(map(usage_name, config.caller_usages)),
            must_staple=must_staple,
        )

    def narrow(self, usages: Collection[str], purposes: Collection[str]) -> "Profile":
        """Return the profile with only these key usages and extended key usages; none means its own.

        Raises ``malformed`` for one that neither the profile has nor its callers may ask for, or when
        none would be left.
        """
        shape = self.shape
        for each in (*usages, *purposes):
            if not self._knows(each, key_usage=each in usages):
                raise NewelError(ErrorType.MALFORMED, f"the profile has no usage {each[:64]}")
        if _NEEDS_AGREEMENT.intersection(usages) and "keyAgreement" not in usages:
            raise NewelError(ErrorType.MALFORMED, "encipherOnly and decipherOnly need keyAgreement")
        rsa_only = set(shape.rsa_key_usage) - set(shape.key_usage) | _RSA_ONLY
        kept = replace(
            shape,
            key_usage=tuple(
                each for each in _select(shape.key_usage, usages) if each not in rsa_only
            ),
            rsa_key_usage=_select(shape.rsa_key_usage, usages),
            # in the order that was asked for, as step-ca gives them
            extended_key_usage=tuple(dict.fromkeys(purposes)) or shape.extended_key_usage,
        )
        if kept == shape:
            return self
        if not (kept.key_usage and kept.rsa_key_usage) or (
            purposes and not kept.extended_key_usage
        ):
            raise NewelError(ErrorType.MALFORMED, "a certificate needs a usage and a purpose")
        key = " ".join((self.name, *kept.rsa_key_usage, *kept.key_usage, *kept.extended_key_usage))
        if key not in self._parts:
            if len(self._parts) >= _MOST_PARTS:
                self._parts.clear()
            narrower = Profile(self.name, self.config)
            narrower.key, narrower.shape = key, kept
            self._parts[key] = narrower
        return self._parts[key]

    def _knows(self, usage: str, *, key_usage: bool) -> bool:
        """Tell whether a certificate of this profile may have a usage."""
        shape = self.shape
        if key_usage:
            if usage in shape.key_usage or usage in shape.rsa_key_usage:
                return True
            return usage in extensions.KEY_USAGES and shape.allows_usage(usage)
        if usage in shape.extended_key_usage:
            return True
        return _OBJECT_IDENTIFIER.fullmatch(usage) is not None and shape.allows_usage(usage)

    @cached_property
    def _usage_values(self) -> tuple[frozenset[bytes], bytes]:
        """The DER values of keyUsage, one for each kind of key, and of extKeyUsage."""
        usages = (self.shape.key_usage, self.shape.rsa_key_usage)
        purposes = self.shape.extended_key_usage
        return (
            frozenset(extensions.key_usage(each).value for each in usages),
            extensions.extended_key_usage(purposes).value if purposes else b"",
        )

    def restrict(self, usage: bytes, purpose: bytes) -> "Profile":
        """Return the profile, narrowed to the usages of a certificate that is to be renewed.

        The values are DER, empty for an absent extension. Usages that the profile no longer has are
        dropped; those that it has gained are not added.
        """
        own_usages, own_purposes = self._usage_values
        whole, same = usage in own_usages, purpose == own_purposes
        if whole and same:
            return self
        usages = () if whole else extensions.decode_key_usage(usage)
        purposes = () if same else extensions.decode_extended_key_usage(purpose)
        kept = [each for each in purposes if self._knows(each, key_usage=False)]
        if purposes and not kept:
            raise NewelError(
                ErrorType.MALFORMED, "the profile has none of the certificate's purposes any more"
            )
        return self.narrow([each for each in usages if self._knows(each, key_usage=True)], kept)

    def filter_extensions(
        self, found: Iterable[extensions.Extension]
    ) -> tuple[extensions.Extension, ...]:
        """Return those extensions of a certificate that the profile still allows."""
        own = STEP_EXTENSION if self.config.provisioner_extension else ""
        return tuple([each for each in found if each.oid == own or self.shape.allows(each)])

    def validity(
        self,
        issuer: Issuer,
        now: dt.datetime,
        not_before: dt.datetime | None,
        not_after: dt.datetime | None,
        default_duration: dt.timedelta | None = None,
    ) -> Validity:
        """Return the validity of a new certificate.

        ``default_duration`` applies without ``not_after``. Raises ``malformed`` for what the profile
        forbids.
        """
        oldest = now - max(self.config.oldest_start, self.config.backdate)
        if not_before is not None and not_before.replace(microsecond=0) < oldest.replace(
            microsecond=0
        ):
            raise NewelError(ErrorType.MALFORMED, "notBefore lies too far in the past")
        if not_before is not None and not_before > now + self.config.latest_start + _CLOCK_SKEW:
            raise NewelError(ErrorType.MALFORMED, "notBefore lies too far in the future")
        try:
            start, end = self.shape.validity(
                now,
                issuer_not_after=issuer.not_after,
                not_before=not_before,
                not_after=not_after,
                default_duration=default_duration,
            )
        except profile.ProfileError as error:
            raise NewelError(ErrorType.MALFORMED, str(error)) from None
        return Validity(max(start, issuer.not_before), end)

    def renewal_validity(
        self, issuer: Issuer, now: dt.datetime, old: Validity, max_duration: dt.timedelta | None
    ) -> Validity:
        """Return the validity of a renewal: as long as the old one was, within today's limits.

        Raises ``malformed`` when the issuer expires before the shortest allowed certificate would.
        """
        now = now.replace(microsecond=0)
        longest = min(self.config.max_duration, max_duration or self.config.max_duration)
        start = now - self.config.backdate
        end = min(start + (old.not_after - old.not_before), now + longest, issuer.not_after)
        if end - now < self.config.min_duration:
            raise NewelError(ErrorType.MALFORMED, "the renewed certificate would expire at once")
        return Validity(max(start, issuer.not_before), end)


def _select(own: tuple[str, ...], wanted: Collection[str]) -> tuple[str, ...]:
    """Return the wanted ones, the profile's own first; its own when none are named."""
    if not wanted:
        return own
    first = [each for each in own if each in wanted]
    return tuple(dict.fromkeys([*first, *wanted]))


class Profiles:
    """Every profile, by name. ``staples`` says that certificates name an OCSP responder."""

    def __init__(
        self, configs: Mapping[str, ProfileConfig], default: str, *, staples: bool = False
    ) -> None:
        self._profiles = {
            name: Profile(name, config, must_staple=staples and config.must_staple)
            for name, config in configs.items()
        }
        self._default = default

    def get(self, name: str) -> Profile:
        """Return the profile of this name, the default for "". Raises ``invalidProfile``."""
        found = self._profiles.get(name or self._default)
        if found is None:
            raise NewelError(ErrorType.INVALID_PROFILE, f"there is no certificate profile {name!r}")
        return found
