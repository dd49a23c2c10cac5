"""The members of each kind of provisioner, and what a Newel authority does with them."""

from collections.abc import Mapping
from typing import Any

from newel.step.treatment import Member, honoured, positive_duration, refused, warned

SSH = "certificates for SSH are not issued yet"
SUPPORTED = frozenset({"JWK", "ACME"})
"""The kinds that let anybody in. A provisioner of another kind is off, and listed with the reason."""

SECRET = frozenset(
    {
        "challenge", "decrypterKey", "decrypterKeyPEM", "decrypterKeyPassword",
        "clientSecret",
    }
)  # fmt: skip
"""Members that are never shown to those who ask for the list of provisioners."""

_PRIVATE = ("d", "k", "p", "q", "dp", "dq", "qi")


def _ssh_duration() -> Member:
    return warned(SSH, problem=positive_duration)


CLAIMS: Mapping[str, Member] = {
    "minTLSCertDuration": honoured("the shortest validity, default 5m", problem=positive_duration),
    "maxTLSCertDuration": honoured("the longest validity, default 24h", problem=positive_duration),
    "defaultTLSCertDuration": honoured(
        "the validity where the request names none, default 24h", problem=positive_duration
    ),
    "disableRenewal": honoured("no renewals"),
    "allowRenewalAfterExpiry": honoured("renews expired certificates too"),
    "disableSmallstepExtensions": honoured("leaves the provisioner extension out of certificates"),
    "enableSSHCA": warned(SSH),
    "minUserSSHCertDuration": _ssh_duration(),
    "maxUserSSHCertDuration": _ssh_duration(),
    "defaultUserSSHCertDuration": _ssh_duration(),
    "minHostSSHCertDuration": _ssh_duration(),
    "maxHostSSHCertDuration": _ssh_duration(),
    "defaultHostSSHCertDuration": _ssh_duration(),
}


def _text(value: Any) -> str:
    return "" if value is None or isinstance(value, str) else "it must be text"


def _object(value: Any) -> str:
    return "" if value is None or isinstance(value, dict) else "it must be an object"


OPTIONS: Mapping[str, Member] = {
    "x509": honoured(
        "the template of the certificates",
        members={
            "template": honoured("the template, or base64 of it", problem=_text),
            "templateFile": honoured(
                "the file of the template, where template is not given", problem=_text
            ),
            "templateData": honoured("the template's own variables", problem=_object),
        },
    ),
    "ssh": warned(SSH),
    "webhooks": refused("webhooks are not called yet, so nothing would ask them for permission"),
    "wire": refused("the challenges of Wire are not offered yet"),
}

OWN: Mapping[str, Member] = {
    "activeRevocation": honoured("revocations are published (default), or only stop renewals"),
    "profile": honoured("the certificate profile of the issuing authority"),
    "disabled": honoured("lets no one in, keeps the record"),
    "allowUnderscores": honoured("domain names may have underscores (not of ACME provisioners)"),
    "revokesAny": honoured(
        "its tokens revoke certificates of every provisioner (not of ACME provisioners)"
    ),
}

_WITHOUT_TOKENS: Mapping[str, Member] = {
    name: refused("it is about tokens, and ACME provisioners take none")
    for name in ("allowUnderscores", "revokesAny")
}


def _name(value: Any) -> str:
    return "" if isinstance(value, str) and value else "a provisioner needs a name"


def _public_key(value: Any) -> str:
    private = [name for name in _PRIVATE if isinstance(value, dict) and value.get(name)]
    return (
        f"it has the private member {private[0]!r}; only the public key belongs here"
        if private
        else ""
    )


_ALL: Mapping[str, Member] = {
    "type": honoured("the kind, in any case"),
    "name": honoured("the name", problem=_name),
    "claims": honoured("limits; what is not set is inherited", members=CLAIMS),
    "options": honoured("templates and webhooks", members=OPTIONS),
    "policy": refused("policies are not applied yet, so names that they forbid would be issued"),
    "newel": honoured("what the format has no word for", members=OWN),
}


def _listed(*names: str) -> dict[str, Member]:
    return {name: honoured("listed only: the kind is not supported yet") for name in names}


_INSTANCE = ("disableCustomSANs", "disableTrustOnFirstUse", "instanceAge")
_ATTESTATION = "devices are not attested yet"

OF_KIND: Mapping[str, Mapping[str, Member]] = {
    "JWK": {
        "key": honoured("the public key, a JWK", problem=_public_key),
        "encryptedKey": honoured("the private key, encrypted, for those who have its password"),
    },
    "ACME": {
        "forceCN": honoured("the first name is the common name where the request has none"),
        "termsOfService": honoured("shown, and to be agreed to"),
        "website": honoured("shown"),
        "caaIdentities": honoured("shown"),
        "requireEAB": honoured("only accounts with an external account key"),
        "challenges": honoured("those offered; one that is not there turns the provisioner off"),
        "attestationFormats": refused(_ATTESTATION),
        "attestationRoots": refused(_ATTESTATION),
    },
    "OIDC": _listed(
        "clientID", "clientSecret", "configurationEndpoint", "tenantID", "admins", "domains", "groups",
        "listenAddress", "scopes", "authParams",
    ),
    "X5C": _listed("roots"),
    "SSHPOP": {},
    "K8sSA": _listed("publicKeys"),
    "SCEP": _listed(
        "forceCN", "challenge", "capabilities", "includeRoot", "excludeIntermediate",
        "minimumPublicKeyLength", "decrypterCertificate", "decrypterKey", "decrypterKeyPEM",
        "decrypterKeyPassword", "encryptionAlgorithmIdentifier",
    ),
    "Nebula": _listed("roots"),
    "AWS": _listed("accounts", *_INSTANCE, "imdsVersions", "iidRoots"),
    "GCP": _listed(
        "serviceAccounts", "projectIDs", "organizationID", *_INSTANCE, "disableSSHCAUser",
        "disableSSHCAHost",
    ),
    "Azure": _listed(
        "tenantID", "resourceGroups", "subscriptionIDs", "objectIDs", "audience",
        "disableCustomSANs", "disableTrustOnFirstUse",
    ),
}  # fmt: skip

SPELLING: Mapping[str, str] = {kind.lower(): kind for kind in OF_KIND}
"""The kinds as their records are tagged, by the same in lower case: they are read in any case."""


def members_of(kind: str) -> Mapping[str, Member]:
    """Every member that a provisioner of a kind may have."""
    own = {**OWN, **(_WITHOUT_TOKENS if kind == "ACME" else {})}
    newel = _ALL["newel"]._replace(members=own)
    return {**_ALL, **OF_KIND[kind], "newel": newel}
