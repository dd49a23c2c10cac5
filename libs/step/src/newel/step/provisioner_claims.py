"""The claims of an authority and its provisioners, and the settings that step's format lacks."""

import msgspec


class Claims(msgspec.Struct, omit_defaults=True, kw_only=True):
    """Limits of an authority or a provisioner; None inherits. Durations as Go writes them."""

    min_tls: str | None = msgspec.field(default=None, name="minTLSCertDuration")
    max_tls: str | None = msgspec.field(default=None, name="maxTLSCertDuration")
    default_tls: str | None = msgspec.field(default=None, name="defaultTLSCertDuration")
    disable_smallstep_extensions: bool | None = msgspec.field(
        default=None, name="disableSmallstepExtensions"
    )
    enable_ssh_ca: bool | None = msgspec.field(default=None, name="enableSSHCA")
    min_user_ssh: str | None = msgspec.field(default=None, name="minUserSSHCertDuration")
    max_user_ssh: str | None = msgspec.field(default=None, name="maxUserSSHCertDuration")
    default_user_ssh: str | None = msgspec.field(default=None, name="defaultUserSSHCertDuration")
    min_host_ssh: str | None = msgspec.field(default=None, name="minHostSSHCertDuration")
    max_host_ssh: str | None = msgspec.field(default=None, name="maxHostSSHCertDuration")
    default_host_ssh: str | None = msgspec.field(default=None, name="defaultHostSSHCertDuration")
    disable_renewal: bool | None = msgspec.field(default=None, name="disableRenewal")
    allow_renewal_after_expiry: bool | None = msgspec.field(
        default=None, name="allowRenewalAfterExpiry"
    )


class Newel(msgspec.Struct, omit_defaults=True, kw_only=True, rename="camel"):
    """Settings of a provisioner that step's format lacks."""

    active_revocation: bool | None = None
    """A revocation is published in OCSP and CRL (True, the default), or only stops renewal."""
    profile: str = ""
    """The issuing authority's profile; ``""`` is its default."""
    disabled: bool = False
    """Refuses new certificates and renewals, keeps the record."""
    allow_underscores: bool = False
    """Its tokens' domain names may have underscores, which RFC 1123 does not know."""
    revokes_any: bool = False
    """Its tokens revoke certificates of every provisioner, not only those it authorized."""
    require_inventory: bool = False
    """The inventory must know every name of a new certificate."""
