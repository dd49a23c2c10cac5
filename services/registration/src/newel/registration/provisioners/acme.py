"""ACME provisioners (RFC 8555): the ACME server decides what clients have proved, never a token."""

import datetime as dt
from collections.abc import Callable, Sequence

from newel.acme.attestation import formats
from newel.acme.caa import is_issuer_domain
from newel.acme.challenges import (
    DEVICE_ATTEST_01,
    DNS_01,
    DNS_ACCOUNT_01,
    DNS_PERSIST_01,
    HTTP_01,
    TLS_ALPN_01,
    challenge_types,
)
from newel.crypto.reader.certificates import Certificate
from newel.registration.provisioners.acme_profiles import apply_profile
from newel.registration.provisioners.android_status import PUBLISHED, AndroidStatus
from newel.registration.provisioners.provisioner import Provisioner, ProvisionerContext
from newel.registration.provisioners.x5c_chains import read_roots
from newel.runtime.egress import DNS_PORT, EgressPolicy, EgressRefusedError, parse_endpoint
from newel.runtime.errors import ErrorType, NewelError
from newel.step.acme_profiles import ACMENewel
from newel.step.provisioners import ACMEProvisionerConfig

_USUAL = (HTTP_01, DNS_01, TLS_ALPN_01)
_CHALLENGES = (*_USUAL, DEVICE_ATTEST_01, DNS_ACCOUNT_01, DNS_PERSIST_01)
_MOST_RESOLVERS = 4
_MOST_IDENTITIES = 10
"""Of a challenge of dns-persist-01, by its draft."""


class ACMEProvisioner(Provisioner):
    """One ACME provisioner."""

    def __init__(self, record: ACMEProvisionerConfig, context: ProvisionerContext) -> None:
        """Read the record. Raises ValueError when it names an unknown challenge or format."""
        super().__init__(record, context)
        named = tuple(record.challenges or _USUAL)
        unknown = set(named) - set(_CHALLENGES)
        if unknown:
            raise ValueError(f"challenges that are not offered here: {', '.join(sorted(unknown))}")
        self.challenges = named
        self.terms_of_service = record.terms_of_service
        self.website = record.website
        self.caa_identities = tuple(record.caa_identities or ())
        own = record.newel or ACMENewel()
        self.checks_caa = own.check_caa
        """Whether CAA records of the names must let one of the identities issue (RFC 8659)."""
        if self.checks_caa:
            _require_identities(self.caa_identities, "newel.checkCAA")
        if DNS_PERSIST_01 in named:
            _require_identities(self.caa_identities, DNS_PERSIST_01)
            if len(self.caa_identities) > _MOST_IDENTITIES:
                raise ValueError(f"{DNS_PERSIST_01} has at most {_MOST_IDENTITIES} caaIdentities")
        self.resolvers = _read_resolvers(own.resolvers, "newel.resolvers")
        """The name servers of its validations; empty: those of every provisioner."""
        self.second_resolvers = _read_resolvers(own.second_resolvers, "newel.secondResolvers")
        """Name servers by which each validation is made once more; empty: it is made once."""
        self._require_second_view(context.resolvers)
        self.require_external_account = record.require_eab
        self.force_common_name = record.force_cn
        self.attestation_formats = tuple(record.attestation_formats or formats.FORMATS)
        self._attestation_roots = (
            read_roots(record.attestation_roots, "attestationRoots")
            if record.attestation_roots
            else ()
        )
        if (
            DEVICE_ATTEST_01 in named
            and formats.TPM in (record.attestation_formats or ())
            and not self._attestation_roots
        ):
            raise ValueError("the format tpm needs attestationRoots: no maker of TPMs has a root")
        self.preauthorization = own.preauthorization
        self.subdomains = own.subdomains
        """Whether an authorization may be for the domains below its own, too."""
        if own.subdomains and not set(named) & set(challenge_types("dns", wildcard=True)):
            raise ValueError(
                "newel.subdomains needs a challenge by DNS among the challenges, as dns-01:"
                " no other proves a whole domain"
            )
        published = "" if self._attestation_roots else PUBLISHED
        self.android_status_url = own.android_status_url or published
        """Where the list of revoked keys is; ``""``: the operator's own roots have none."""
        self.android_status = self._load_android_status(context)

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

    def attestation_roots(self, format: str) -> Sequence[Certificate]:  # noqa: A002 - WebAuthn calls it so
        """Return the roots that attestations of a format chain to: the record's, or their makers'."""
        return self._attestation_roots or formats.published_roots().get(format, ())

    def _require_second_view(self, usual: Sequence[str]) -> None:
        """Raise ValueError where the second view would ask the name servers of the first."""
        first, second = (
            {parse_endpoint(each, DNS_PORT) for each in listed}
            for listed in (self.resolvers or usual, self.second_resolvers)
        )
        if second and first == second:
            what = "newel.resolvers" if self.resolvers else "the authority's acme.resolvers"
            raise ValueError(
                f"newel.secondResolvers are the same as {what}: name others, or leave them out"
            )

    def _load_android_status(self, context: ProvisionerContext) -> AndroidStatus | None:
        used = DEVICE_ATTEST_01 in self.challenges
        if not used or formats.ANDROID_KEY not in self.attestation_formats:
            return None
        if not self.android_status_url:
            return None
        if context.outgoing is None:
            raise ValueError("the list of revoked keys of android-key cannot be fetched here")
        return AndroidStatus(self.android_status_url, context.outgoing)


def _read_resolvers(given: Sequence[str] | None, what: str) -> tuple[str, ...]:
    """Read name servers. Raises ValueError for what is none, or one that validation may not ask."""
    listed = tuple(given or ())
    if len(listed) > _MOST_RESOLVERS:
        raise ValueError(f"{what}: at most {_MOST_RESOLVERS} name servers")
    for each in listed:
        try:
            address, _ = parse_endpoint(each, DNS_PORT)
            EgressPolicy().check(address)
        except (ValueError, EgressRefusedError) as error:
            raise ValueError(
                f"{what}: {each[:64]!r} is no name server, as 192.0.2.53 or 192.0.2.53:5353 are: {error}"
            ) from None
    return listed


def _require_identities(identities: Sequence[str], what: str) -> None:
    """Raise ValueError unless records can name the authority."""
    if not identities:
        raise ValueError(
            f"{what} needs caaIdentities: the names that DNS records give the authority"
        )
    for each in identities:
        if not is_issuer_domain(each):
            raise ValueError(
                f"caaIdentities: {each[:64]!r} is no domain name, as ca.example.org is, so no DNS"
                " record can name it"
            )


ACMEProvisioners = Callable[[str], ACMEProvisioner | None]
"""Finds the enabled ACME provisioner of a name."""
