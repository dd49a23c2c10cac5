"""Provisioners as ca.json and ``/provisioners`` carry them: a record per kind, tagged by ``type``.

Octet fields stay base64 text and durations stay Go text: what is read is written back the same.
"""

from typing import Any, TypeAlias, cast

import msgspec

from newel.jose.jwk import JWK
from newel.step import ca_json_check
from newel.step.acme_profiles import ACMENewel
from newel.step.policies import PolicyConfig
from newel.step.provisioner_claims import Claims, Newel
from newel.step.provisioner_members import SECRET
from newel.step.public_records import without_passwords
from newel.step.scep_listing import SCEP_LISTED

__all__ = [
    "ACMEProvisionerConfig", "AWSProvisionerConfig", "AzureNewel", "AzureProvisionerConfig",
    "Claims", "GCPNewel", "GCPProvisionerConfig", "JWKProvisionerConfig", "K8sSANewel",
    "K8sSAProvisionerConfig", "MTLSProvisionerConfig", "NebulaProvisionerConfig", "Newel",
    "OIDCNewel", "OIDCProvisionerConfig", "Options", "ProvisionerConfig", "SCEPNewel",
    "SCEPProvisionerConfig", "SSHPOPProvisionerConfig", "X5CProvisionerConfig", "from_mapping",
    "identity", "kind", "parse", "to_json", "to_mapping", "to_public",
]  # fmt: skip # words in rows

Options: TypeAlias = dict[str, Any]


class _Record(msgspec.Struct, omit_defaults=True, kw_only=True, tag_field="type"):
    name: str
    claims: Claims | None = None
    options: Options | None = None
    policy: PolicyConfig | None = None


class _NamedRecord(_Record, omit_defaults=True, kw_only=True):
    newel: Newel | None = None


class JWKProvisionerConfig(_NamedRecord, tag="JWK", rename="camel"):
    """One-time tokens signed by a key the authority escrows encrypted."""

    key: JWK
    encrypted_key: str = ""


class OIDCNewel(Newel, omit_defaults=True, kw_only=True, rename="camel"):
    """The settings of an OIDC provisioner that step's format lacks."""

    allow_unverified_email: bool = False
    """Certifies addresses that the provider says are unverified; they never make an administrator."""
    hide_client_secret: bool = False
    """Leaves the secret out of the list of provisioners."""


class OIDCProvisionerConfig(_Record, tag="OIDC", rename="camel", kw_only=True):
    """ID tokens of an OpenID provider."""

    newel: OIDCNewel | None = None
    client_id: str = msgspec.field(name="clientID")
    client_secret: str = ""
    configuration_endpoint: str = ""
    tenant_id: str = msgspec.field(default="", name="tenantID")
    admins: list[str] | None = None
    domains: list[str] | None = None
    groups: list[str] | None = None
    listen_address: str = ""
    scopes: list[str] | None = None
    auth_params: list[str] | None = None


class ACMEProvisionerConfig(_Record, tag="ACME", rename="camel", kw_only=True):
    """RFC 8555 under ``/acme/<name>/directory``."""

    newel: ACMENewel | None = None
    force_cn: bool = msgspec.field(default=False, name="forceCN")
    terms_of_service: str = ""
    website: str = ""
    caa_identities: list[str] | None = None
    require_eab: bool = msgspec.field(default=False, name="requireEAB")
    challenges: list[str] | None = None
    attestation_formats: list[str] | None = None
    attestation_roots: str = ""


class X5CProvisionerConfig(_NamedRecord, tag="X5C"):
    """Tokens signed by a certificate's key; roots as base64 of PEM."""

    roots: str = ""


class MTLSProvisionerConfig(_NamedRecord, tag="mTLS"):
    """TLS client certificates under the roots, without tokens; roots as base64 of PEM."""

    roots: str = ""
    allow_custom_sans: bool = msgspec.field(default=False, name="allowCustomSANs")


class SSHPOPProvisionerConfig(_NamedRecord, tag="SSHPOP"):
    """Tokens signed by an SSH host certificate's key."""


class K8sSANewel(Newel, omit_defaults=True, kw_only=True, rename="camel"):
    """The settings of a K8sSA provisioner that step's format lacks: those for bound tokens."""

    issuer: str = ""
    """The issuer of the cluster's bound tokens; ``""``: only legacy tokens are accepted."""
    audiences: list[str] | None = None
    """Those a bound token may name one of; without any, this authority's URL for signing."""
    jwks_url: str = msgspec.field(default="", name="jwksURL")
    """Where the cluster's keys are; ``""``: where its discovery document says."""
    token_review_url: str = msgspec.field(default="", name="tokenReviewURL")
    """The API server that reviews tokens; it then needs no keys here."""
    ca_file: str = ""
    """PEM of the authorities of the API server's certificate."""
    token_file: str = ""
    """The bearer token that this authority shows the API server."""
    allow_reuse: bool = False
    """Lets a bound token obtain several certificates."""


class K8sSAProvisionerConfig(_Record, tag="K8sSA", rename="camel", kw_only=True):
    """Kubernetes service account tokens; public keys as base64 of PEM."""

    newel: K8sSANewel | None = None
    public_keys: str | None = None


class SCEPNewel(Newel, omit_defaults=True, kw_only=True, rename="camel"):
    """The settings of a SCEP provisioner that step's format lacks."""

    without_challenge: bool = False
    """Every client that reaches the server may enrol, where neither a challenge nor a webhook asks."""
    allow_des: bool = msgspec.field(default=False, name="allowDES")
    """Messages may be encrypted by DES, which some devices have nothing else for."""


class SCEPProvisionerConfig(_Record, tag="SCEP", rename="camel", kw_only=True):
    """RFC 8894."""

    newel: SCEPNewel | None = None
    force_cn: bool = msgspec.field(default=False, name="forceCN")
    challenge: str = ""
    capabilities: list[str] | None = None
    include_root: bool = False
    exclude_intermediate: bool = False
    minimum_public_key_length: int = 0
    decrypter_certificate: str = ""
    decrypter_key: str = ""
    decrypter_key_pem: str = msgspec.field(default="", name="decrypterKeyPEM")
    decrypter_key_password: str = ""
    encryption_algorithm_identifier: int = 0


class NebulaProvisionerConfig(_NamedRecord, tag="Nebula"):
    """Nebula host certificates; roots as base64 of PEM."""

    roots: str = ""


class AWSProvisionerConfig(_NamedRecord, tag="AWS", rename="camel"):
    """Instance identity documents of EC2; ``iid_roots`` is a file of other certificates than AWS's."""

    accounts: list[str] | None = None
    disable_custom_sans: bool = msgspec.field(default=False, name="disableCustomSANs")
    disable_trust_on_first_use: bool = False
    imds_versions: list[str] | None = msgspec.field(default=None, name="imdsVersions")
    instance_age: str = ""
    iid_roots: str = ""


class GCPNewel(Newel, omit_defaults=True, kw_only=True, rename="camel"):
    """The settings of a GCP provisioner that step's format lacks."""

    keys_url: str = msgspec.field(default="", name="keysURL")
    """Where the keys of the tokens are; ``""``: where Google publishes its own."""
    issuer: str = ""
    """Who issues the tokens; ``""``: Google."""
    ca_file: str = ""
    """PEM of the authorities of that server's certificate; ``""``: those of the system."""


class GCPProvisionerConfig(_Record, tag="GCP", rename="camel", kw_only=True):
    """Identity tokens of Google Compute Engine."""

    newel: GCPNewel | None = None
    service_accounts: list[str] | None = None
    project_ids: list[str] | None = msgspec.field(default=None, name="projectIDs")
    organization_id: str = msgspec.field(default="", name="organizationID")
    disable_custom_sans: bool = msgspec.field(default=False, name="disableCustomSANs")
    disable_trust_on_first_use: bool = False
    instance_age: str = ""
    disable_ssh_ca_user: bool | None = msgspec.field(default=None, name="disableSSHCAUser")
    disable_ssh_ca_host: bool | None = msgspec.field(default=None, name="disableSSHCAHost")


class AzureNewel(Newel, omit_defaults=True, kw_only=True, rename="camel"):
    """The settings of an Azure provisioner that step's format lacks."""

    discovery_url: str = msgspec.field(default="", name="discoveryURL")
    """The tenant's OpenID Connect discovery document; ``""``: that of the audience's cloud."""
    ca_file: str = ""
    """PEM of the authorities of that server's certificate; ``""``: those of the system."""


class AzureProvisionerConfig(_Record, tag="Azure", rename="camel", kw_only=True):
    """Managed identity tokens of Azure."""

    newel: AzureNewel | None = None
    tenant_id: str = msgspec.field(default="", name="tenantID")
    resource_groups: list[str] | None = None
    subscription_ids: list[str] | None = msgspec.field(default=None, name="subscriptionIDs")
    object_ids: list[str] | None = msgspec.field(default=None, name="objectIDs")
    audience: str = ""
    disable_custom_sans: bool = msgspec.field(default=False, name="disableCustomSANs")
    disable_trust_on_first_use: bool = False


ProvisionerConfig: TypeAlias = (
    JWKProvisionerConfig
    | OIDCProvisionerConfig
    | ACMEProvisionerConfig
    | X5CProvisionerConfig
    | MTLSProvisionerConfig
    | SSHPOPProvisionerConfig
    | K8sSAProvisionerConfig
    | SCEPProvisionerConfig
    | NebulaProvisionerConfig
    | AWSProvisionerConfig
    | GCPProvisionerConfig
    | AzureProvisionerConfig
)


def parse(data: bytes | str) -> ProvisionerConfig:
    """One provisioner from JSON. Raises as :func:`from_mapping`."""
    return from_mapping(ca_json_check.parse_document(data))


def from_mapping(data: dict[str, Any], path: str = "provisioner") -> ProvisionerConfig:
    """One provisioner from decoded JSON, which stands at ``path``; its kind in any case.

    Raises ValueError for what :mod:`newel.step.ca_json_check` refuses and for values of a wrong type.
    """
    findings = ca_json_check.Findings()
    checked = ca_json_check.check_provisioner(data, path, findings)
    findings.raise_for_refused()
    try:
        return msgspec.convert(checked, ProvisionerConfig)  # pyright: ignore[reportArgumentType] - a union is a type form
    except msgspec.ValidationError as error:
        raise ca_json_check.add_path(error, path) from None


_FIRST = {"type": 0, "name": 1}
_LAST = {"claims": 3, "options": 4, "policy": 5, "newel": 6}


def to_mapping(provisioner: ProvisionerConfig) -> dict[str, Any]:
    """Return the record as decoded JSON without empty members, in ca.json's order."""
    members: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(provisioner))
    order = sorted(members, key=lambda name: _FIRST.get(name, _LAST.get(name, 2)))
    return {name: members[name] for name in order}


def to_public(provisioner: ProvisionerConfig) -> dict[str, Any]:
    """Return the public part of the record: neither secrets nor policies nor our own settings."""
    hidden = SECRET | {"newel", "policy"}
    if isinstance(provisioner.newel, OIDCNewel) and provisioner.newel.hide_client_secret:
        hidden |= {"clientSecret"}
    shown = {name: value for name, value in to_mapping(provisioner).items() if name not in hidden}
    if isinstance(provisioner, SCEPProvisionerConfig):
        shown.pop("decrypterCertificate", None)
        shown = {"type": shown["type"], "name": shown["name"], **SCEP_LISTED, **shown}
    return cast("dict[str, Any]", without_passwords(shown))


def to_json(provisioner: ProvisionerConfig) -> str:
    """Return the record as compact JSON, in the same order."""
    return msgspec.json.encode(to_mapping(provisioner)).decode()


def identity(provisioner: ProvisionerConfig) -> str:
    """Return the id by which tokens select it: ``admin:<kid>``, ``acme/acme``, an OIDC client id."""
    if isinstance(provisioner, JWKProvisionerConfig):
        return f"{provisioner.name}:{provisioner.key.kid or ''}"
    if isinstance(provisioner, OIDCProvisionerConfig):
        return provisioner.client_id
    if isinstance(provisioner, AzureProvisionerConfig):
        return provisioner.tenant_id
    if isinstance(provisioner, K8sSAProvisionerConfig):
        return "k8ssa/k8sSA-default" if provisioner.public_keys else f"k8ssa/{provisioner.name}"
    return f"{kind(provisioner).lower()}/{provisioner.name}"


def kind(provisioner: ProvisionerConfig) -> str:
    """``JWK``, ``ACME`` …: the record's ``type``."""
    return str(type(provisioner).__struct_config__.tag)
