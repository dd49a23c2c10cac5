"""Profiles: what the certificates of one purpose contain, for every caller."""

import datetime as dt
import enum
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from newel.crypto import distinguished_names, extensions, names, oids
from newel.crypto.distinguished_names import Attribute
from newel.crypto.extensions import Extension
from newel.durations.go import format_duration

_SECOND = dt.timedelta(seconds=1)
_MAX_COMMON_NAME = 64

# What the encoder alone sets, or what would turn a leaf into something else
NEVER_FROM_CALLERS = frozenset(
    {
        extensions.SUBJECT_KEY_IDENTIFIER,
        extensions.KEY_USAGE,
        extensions.SUBJECT_ALT_NAME,
        extensions.BASIC_CONSTRAINTS,
        extensions.NAME_CONSTRAINTS,
        extensions.CRL_DISTRIBUTION_POINTS,
        extensions.AUTHORITY_KEY_IDENTIFIER,
        extensions.POLICY_CONSTRAINTS,
        extensions.EXTENDED_KEY_USAGE,
        extensions.INHIBIT_ANY_POLICY,
        extensions.AUTHORITY_INFORMATION_ACCESS,
        extensions.OCSP_NO_CHECK,
        extensions.TLS_FEATURE,
        oids.POLICY_MAPPINGS,
        oids.STEP_PROVISIONER,
        "2.16.840.1.113730.1.1",  # nsCertType
        "1.3.6.1.5.5.7.1.14",  # proxyCertInfo (RFC 3820)
        "1.3.6.1.4.1.311.21.10",  # the application policies of Windows
        "1.3.6.1.4.1.311.21.11",  # the policy mappings of Windows
        "1.3.6.1.4.1.311.21.12",  # the policy constraints of Windows
    }
)

NEVER_USAGES = frozenset(
    {"keyCertSign", "cRLSign", extensions.OCSP_SIGNING, extensions.ANY_EXTENDED_KEY_USAGE}
)
"""The usages of certificate authorities and responders, and the one that includes every usage."""

EVERY = "*"
"""In a list of what callers may ask for: everything that no profile forbids."""


class ProfileError(ValueError):
    """The profile does not allow the request; the text says why, and may be shown."""


class CommonName(enum.StrEnum):
    """The rule for the subject's common name."""

    KEEP = "keep"  # as given by the caller
    FIRST_NAME = "first-name"  # if absent: the first name that fits (64 characters)
    DROP = "drop"  # always removed


@dataclass(frozen=True, slots=True)
class Profile:
    """A profile of end-entity certificates.

    Validity is a length of time that counts both ends, as RFC 5280 §4.1.2.5 does: a certificate of
    24 hours starts at t and has notAfter t + 24 h - 1 s. The backdate moves only the start, for
    peers with slow clocks, and does not count.
    """

    name: str = "leaf"
    default_duration: dt.timedelta = dt.timedelta(hours=24)
    min_duration: dt.timedelta = dt.timedelta(minutes=1)
    max_duration: dt.timedelta = dt.timedelta(days=398)
    backdate: dt.timedelta = dt.timedelta(minutes=1)
    key_usage: tuple[str, ...] = ("digitalSignature",)
    rsa_key_usage: tuple[str, ...] = ("digitalSignature", "keyEncipherment")
    extended_key_usage: tuple[str, ...] = (extensions.SERVER_AUTH, extensions.CLIENT_AUTH)
    common_name: CommonName = CommonName.KEEP
    allowed_extensions: frozenset[str] = frozenset()
    allowed_usages: frozenset[str] = frozenset()
    """Further key usages and extended key usages (object identifiers) that callers may ask for."""
    must_staple: bool = False
    """Whether callers may give :data:`newel.crypto.extensions.MUST_STAPLE`."""

    def __post_init__(self) -> None:
        if not _SECOND < self.min_duration <= self.default_duration <= self.max_duration:
            raise ValueError("validity must obey: minimum <= default <= maximum")
        if self.backdate < dt.timedelta():
            raise ValueError("the backdate cannot be negative")
        if clash := self.allowed_extensions & NEVER_FROM_CALLERS:
            raise ValueError(
                f"no profile may let callers give the extensions {', '.join(sorted(clash))}"
            )
        if extensions.ANY_EXTENDED_KEY_USAGE in self.extended_key_usage:
            raise ValueError("no profile may allow any extended key usage")
        if clash := self.allowed_usages & NEVER_USAGES:
            raise ValueError(
                f"no profile may let callers ask for the usages {', '.join(sorted(clash))}"
            )

    def validity(
        self,
        now: dt.datetime,
        *,
        issuer_not_after: dt.datetime,
        not_before: dt.datetime | None = None,
        not_after: dt.datetime | None = None,
        max_duration: dt.timedelta | None = None,
        default_duration: dt.timedelta | None = None,
    ) -> tuple[dt.datetime, dt.datetime]:
        """Compute notBefore and notAfter of a certificate made ``now``, in whole seconds.

        Without a requested end the length is ``default_duration``, or else the profile's, cut at the
        issuer's notAfter. A requested end is granted exactly or refused: a length outside the bounds, a
        start more than the maximum from now, an end past the issuer's. A request for exactly the maximum
        loses the one second by which the inclusive end would pass it. ``max_duration`` is a caller's
        tighter limit. All times are aware. Raises :class:`ProfileError`.
        """
        limit = min(self.max_duration, max_duration or self.max_duration)
        start = (not_before or now).replace(microsecond=0)
        if not_after is None:
            length = default_duration or min(self.default_duration, limit)
            end = min(start + length - _SECOND, issuer_not_after)
        else:
            end = not_after.replace(microsecond=0)
            end = end - _SECOND if end - start == limit else end
        length = end - start + _SECOND
        if length < self.min_duration:
            raise ProfileError(
                f"a validity of {format_duration(length)} is shorter than the minimum,"
                f" {format_duration(self.min_duration)}"
            )
        if length > limit:
            raise ProfileError(
                f"a validity of {format_duration(length)} is longer than the maximum,"
                f" {format_duration(limit)}"
            )
        if end > issuer_not_after:
            raise ProfileError("the certificate would outlive its issuer")
        if end <= now or abs(start - now) > self.max_duration:
            raise ProfileError("the validity is too far from now")
        return (start - self.backdate if not_before is None else start), end

    def subject(
        self, attributes: Sequence[Attribute], general_names: Sequence[names.GeneralName]
    ) -> tuple[Attribute, ...]:
        """Apply this profile's rule for the common name to a subject."""
        if self.common_name is CommonName.KEEP:
            return tuple(attributes)
        others = tuple(a for a in attributes if a.oid != distinguished_names.COMMON_NAME)
        if self.common_name is CommonName.DROP:
            return others
        if len(others) < len(attributes):
            return tuple(attributes)
        fitting = (str(n) for n in general_names if len(str(n)) <= _MAX_COMMON_NAME)
        first = next(fitting, None)
        return others if first is None else (distinguished_names.common_name(first), *others)

    def allows(self, extension: Extension) -> bool:
        """Say whether callers may give this extension."""
        if extension.oid in self.allowed_extensions:
            return True
        if EVERY in self.allowed_extensions and extension.oid not in NEVER_FROM_CALLERS:
            return True
        return self.must_staple and extension == extensions.MUST_STAPLE

    def allows_usage(self, usage: str) -> bool:
        """Say whether callers may ask for a usage beyond those that every certificate has."""
        if usage in self.allowed_usages:
            return True
        return EVERY in self.allowed_usages and usage not in NEVER_USAGES

    def check_extensions(self, wanted: Iterable[Extension]) -> None:
        """Raise :class:`ProfileError` for an extension callers may not give, or one twice."""
        seen: set[str] = set()
        for extension in wanted:
            if not self.allows(extension):
                raise ProfileError(f"the extension {extension.oid} is not allowed")
            if extension.oid in seen:
                raise ProfileError(f"the extension {extension.oid} is given twice")
            seen.add(extension.oid)
