"""ACME provisioners (RFC 8555): the ACME server decides what clients have proved, never a token."""

import datetime as dt
from collections.abc import Callable

from newel.acme.challenges import DNS_01, HTTP_01, TLS_ALPN_01
from newel.registration.provisioners.acme_profiles import apply_profile
from newel.registration.provisioners.provisioner import Provisioner, ProvisionerContext
from newel.runtime.errors import ErrorType, NewelError
from newel.step.provisioners import ACMEProvisionerConfig

_CHALLENGES = (HTTP_01, DNS_01, TLS_ALPN_01)


class ACMEProvisioner(Provisioner):
    """One ACME provisioner."""

    def __init__(self, record: ACMEProvisionerConfig, context: ProvisionerContext) -> None:
        """Read the record. Raises ValueError when it names an unknown challenge."""
        super().__init__(record, context)
        named = tuple(record.challenges or _CHALLENGES)
        unknown = set(named) - set(_CHALLENGES)
        if unknown:
            raise ValueError(f"challenges that are not offered here: {', '.join(sorted(unknown))}")
        self.challenges = named
        self.terms_of_service = record.terms_of_service
        self.website = record.website
        self.caa_identities = tuple(record.caa_identities or ())
        self.require_external_account = record.require_eab
        self.force_common_name = record.force_cn
        listed = (record.newel and record.newel.profiles) or ()
        self.profiles = {each.name: each.description or each.name for each in listed}
        self._of_profile = {
            each.name: ACMEProvisioner(apply_profile(record, each), context) for each in listed
        }

    @property
    def max_duration(self) -> dt.timedelta:
        """The longest validity of its certificates, of whichever profile."""
        every = (self, *self._of_profile.values())
        return max(each.limits.max_duration for each in every)

    @property
    def default_profile(self) -> str:
        """The profile of orders that name none; ``""``: there are no profiles."""
        return next(iter(self.profiles), "")

    def select(self, profile: str) -> "ACMEProvisioner":
        """Return this provisioner as it is for the orders of a profile. Raises ``invalidProfile``.

        Orders of the time before there were profiles have none, and are as the provisioner says.
        """
        if not profile:
            return self
        found = self._of_profile.get(profile)
        if found is None:
            raise NewelError(
                ErrorType.INVALID_PROFILE, "the directory lists no profile of that name"
            )
        return found


ACMEProvisioners = Callable[[str], ACMEProvisioner | None]
"""Finds the enabled ACME provisioner of a name."""
