"""Azure provisioners: the access token that a tenant issues to a managed identity of a machine."""

import datetime as dt
from collections.abc import Awaitable, Iterable, Sequence
from urllib.parse import quote

import msgspec

from newel.registration.errors import unauthorized_error
from newel.registration.provisioners.azure_resources import parse_resource_id
from newel.registration.provisioners.grant import TokenUse
from newel.registration.provisioners.instances import (
    Instance,
    InstanceProvisioner,
    check_url,
    first_use,
)
from newel.registration.provisioners.key_set_sources import Access, share_discovered
from newel.registration.provisioners.provisioner import (
    ProvisionerContext,
    Selector,
    TokenRules,
    check_times,
)
from newel.step.audiences import Method
from newel.step.provisioners import AzureNewel, AzureProvisionerConfig
from newel.step.tokens import UnverifiedToken

DEFAULT_AUDIENCE = "https://management.azure.com/"
LOGIN_HOSTS = {
    DEFAULT_AUDIENCE: "login.microsoftonline.com",
    "https://management.usgovcloudapi.net/": "login.microsoftonline.us",
    "https://management.chinacloudapi.cn/": "login.partner.microsoftonline.cn",
    "https://management.microsoftazure.de/": "login.microsoftonline.de",
}
"""Where each cloud's tenants log in, by the resource that manages it."""
_LONGEST = dt.timedelta(hours=26)
"""How far the expiry of Azure's tokens may lie ahead; it is up to a day."""


class _Claims(msgspec.Struct):
    oid: str = ""
    xms_mirid: str = ""


_claims = msgspec.json.Decoder(_Claims)


class AzureProvisioner(InstanceProvisioner):
    """One Azure provisioner. It is usable as soon as the tenant's keys could be fetched."""

    def __init__(self, record: AzureProvisionerConfig, context: ProvisionerContext) -> None:
        """Read the record. Raises ValueError when it names no tenant."""
        super().__init__(record, context)
        if not record.tenant_id:
            raise ValueError("provisioner tenantId cannot be empty")
        own = record.newel or AzureNewel()
        self._tenant = record.tenant_id
        self._groups = _fold(record.resource_groups)
        self._subscriptions = _fold(record.subscription_ids)
        self._objects = _fold(record.object_ids)
        self._audience = record.audience or DEFAULT_AUDIENCE
        url = check_url(own.discovery_url or self._discovery_url(), "newel.discoveryURL")
        self._keys = share_discovered(context.key_sets, url, Access(ca_file=own.ca_file))

    def _discovery_url(self) -> str:
        host = LOGIN_HOSTS.get(self._audience, LOGIN_HOSTS[DEFAULT_AUDIENCE])
        return f"https://{host}/{quote(self._tenant, safe='')}/.well-known/openid-configuration"

    @property
    def problem(self) -> str:
        """Why no token can be verified now; ``""`` when they can."""
        return self._keys.problem

    @property
    def selectors(self) -> Sequence[Selector]:
        """Azure's tokens name their tenant, in lower case, and no provisioner."""
        return ("tid", self._tenant), ("tid", self._tenant.lower())

    def accepts(self, credential_id: str) -> bool:
        """Tell whether a certificate was admitted for the same tenant."""
        return credential_id == self._tenant

    def prepare(self, token: UnverifiedToken) -> Awaitable[None] | None:
        """Return the fetch of the tenant's keys where the token's is not at hand."""
        return self._keys.prepare(token.header.kid or "")

    def identify(
        self, token: UnverifiedToken, rules: TokenRules, now: dt.datetime, method: Method
    ) -> Instance:
        """Verify a token and return the instance that it proves.

        1. the tenant's signature; 2. times, issuer, audience and tenant; 3. the machine; 4. its
        resource group, subscription and identity. Azure's audience is that of its own service, so such
        a token could also come from there: it proves a machine, and not what the machine wants.
        """
        del rules, method  # for tokens that are made for this authority
        verified, issuer = self._keys.verify(token)
        check_times(verified, now, _LONGEST)
        claims = verified.claims
        if claims.iss != issuer:
            raise unauthorized_error(f"the token's issuer is not {issuer[:256]} (iss)")
        if self._audience not in claims.audience:
            raise unauthorized_error("the token is for another audience (aud)")
        if (claims.tid or "").lower() != self._tenant.lower():
            raise unauthorized_error("the token is of another tenant (tid)")
        try:
            own = _claims.decode(verified.payload)
        except (ValueError, RecursionError):
            raise unauthorized_error("the token says nothing of a machine (xms_mirid)") from None
        resource = parse_resource_id(own.xms_mirid)
        if resource is None:
            raise unauthorized_error("the token is not one of a machine's identity (xms_mirid)")
        _check_listed(resource.group, self._groups, "resource group")
        _check_listed(resource.subscription, self._subscriptions, "subscription")
        _check_listed(own.oid, self._objects, "managed identity")
        return Instance(
            verified,
            own.xms_mirid.lower(),
            resource.name,
            (resource.name,),
            (resource.name,),
            self.reference(self._tenant),
            own.oid,
        )

    def use(self, instance: Instance) -> TokenUse | None:
        """Identify the machine's one use; None where it may come again.

        Azure repeats a token for a day, so that a token of one use would admit a machine once a day.
        """
        if not self._is_trusted_once:
            return None
        return first_use("azure", instance.id, instance.token.claims.issued_at)


def _fold(values: Iterable[str] | None) -> frozenset[str]:
    return frozenset(each.lower() for each in values or ())


def _check_listed(value: str, listed: frozenset[str], what: str) -> None:
    """Refuse what is not listed, where anything is. Azure's ids are compared without case."""
    if listed and value.lower() not in listed:
        raise unauthorized_error(f"the machine is of another {what}")
