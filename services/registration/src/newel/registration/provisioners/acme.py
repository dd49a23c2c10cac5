"""ACME provisioners (RFC 8555): the ACME server decides what clients have proved, never a token."""

from collections.abc import Callable

from newel.acme.challenges import DNS_01, HTTP_01, TLS_ALPN_01
from newel.registration.provisioners.provisioner import Provisioner, ProvisionerContext
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


ACMEProvisioners = Callable[[str], ACMEProvisioner | None]
"""Finds the enabled ACME provisioner of a name."""
