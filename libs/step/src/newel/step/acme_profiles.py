"""The profiles of ACME provisioners, as ca.json has them."""

from typing import Any

import msgspec

from newel.step.provisioner_claims import Claims, Newel


class ACMEProfile(msgspec.Struct, omit_defaults=True, kw_only=True, rename="camel"):
    """One profile of an ACME provisioner: what it overrides for the orders that name it."""

    name: str
    description: str = ""
    """What the directory says of it: a text or a URL for people."""
    claims: Claims | None = None
    template: str = ""
    template_data: dict[str, Any] | None = None
    profile: str = ""
    """The issuing authority's profile; ``""``: the provisioner's."""


class ACMENewel(Newel, omit_defaults=True, kw_only=True, rename="camel"):
    """The settings of an ACME provisioner that step's format lacks."""

    android_status_url: str = msgspec.field(default="", name="androidStatusURL")
    """Where the list of revoked attestation keys of Android is; ``""``: where Google publishes it."""
    check_caa: bool = msgspec.field(default=False, name="checkCAA")
    """Whether CAA records must let one of ``caaIdentities`` issue (RFC 8659)."""
    preauthorization: bool = False
    """Whether accounts may prove names before they order (RFC 8555 §7.4.1)."""
    subdomains: bool = False
    """Whether who proves a domain may get certificates for those below it (RFC 9444)."""
    resolvers: list[str] | None = None
    """Name servers of its validations, ``address`` or ``address:port``, instead of the authority's."""
    second_resolvers: list[str] | None = None
    """Name servers by which each validation is made once more: both must find the same."""
    profiles: list[ACMEProfile] | None = None
    """The first is that of orders which name none."""
