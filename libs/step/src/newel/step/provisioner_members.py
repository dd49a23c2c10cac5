"""The members of each kind of provisioner, and what a Newel authority does with them."""

from collections.abc import Callable, Mapping
from typing import Any, cast

from newel.step.acme_profile_members import PROFILES, TLS_CLAIMS
from newel.step.policies import POLICY
from newel.step.treatment import (
    Member,
    duration,
    honour,
    honour_duration,
    object_or_none,
    refuse,
    text,
)
from newel.step.webhook_members import WEBHOOK, check_webhook, check_webhooks

SUPPORTED = frozenset(
    {
        "JWK",
        "ACME",
        "AWS",
        "Azure",
        "GCP",
        "K8sSA",
        "Nebula",
        "OIDC",
        "SCEP",
        "SSHPOP",
        "X5C",
        "mTLS",
    }
)
"""The kinds that work. A provisioner of another kind is off, and listed with the reason."""

SECRET = frozenset(
    {
        "challenge",
        "decrypterKey",
        "decrypterKeyPEM",
        "decrypterKeyPassword",
    }
)
"""Members that are never shown to those who ask for the list of provisioners."""

ATTESTATION_FORMATS = ("apple", "step", "tpm", "android-key")
"""The formats of device-attest-01 in ``attestationFormats``."""

_PRIVATE = ("d", "k", "p", "q", "dp", "dq", "qi")


CLAIMS: Mapping[str, Member] = {
    **TLS_CLAIMS,
    "disableRenewal": honour("no renewals"),
    "allowRenewalAfterExpiry": honour("renews expired certificates too"),
    "disableSmallstepExtensions": honour("leaves the provisioner extension out of certificates"),
    "enableSSHCA": honour("issues certificates for SSH"),
    "minUserSSHCertDuration": honour_duration("the shortest validity for users, default 5m"),
    "maxUserSSHCertDuration": honour_duration("the longest validity for users, default 24h"),
    "defaultUserSSHCertDuration": honour_duration(
        "the validity for users without one, default 16h"
    ),
    "minHostSSHCertDuration": honour_duration("the shortest validity for hosts, default 5m"),
    "maxHostSSHCertDuration": honour_duration("the longest validity for hosts, default 720h"),
    "defaultHostSSHCertDuration": honour_duration(
        "the validity for hosts without one, default 720h"
    ),
}

_TEMPLATE: Mapping[str, Member] = {
    "template": honour("the template, or base64 of it", problem=text),
    "templateFile": honour("the file of the template, where template is not given", problem=text),
    "templateData": honour("the template's own variables", problem=object_or_none),
}

OPTIONS: Mapping[str, Member] = {
    "x509": honour("the template of the certificates", members=_TEMPLATE),
    "ssh": honour("the template of SSH certificates", members=_TEMPLATE),
    "webhooks": honour(
        "servers that enrich, allow or hear of certificates",
        members=WEBHOOK,
        problem=check_webhooks,
        item_problem=check_webhook,
        several=True,
    ),
    "wire": refuse("the challenges of Wire are not offered yet"),
}

OWN: Mapping[str, Member] = {
    "activeRevocation": honour("revocations are published (default), or only stop renewals"),
    "profile": honour("the certificate profile of the issuing authority"),
    "disabled": honour("lets no one in, keeps the record"),
    "requireInventory": honour(
        "the inventory must know every name that a new certificate is granted"
    ),
    "allowUnderscores": honour("domain names may have underscores (not of ACME provisioners)"),
    "revokesAny": honour(
        "its tokens revoke certificates of every provisioner (not of ACME and SCEP provisioners)"
    ),
}

_WITHOUT_TOKENS: Mapping[str, tuple[str, ...]] = {
    "ACME": ("allowUnderscores", "revokesAny"),
    "SCEP": ("revokesAny",),
}
"""What provisioners without tokens cannot have."""


def _name(value: Any) -> str:
    return "" if isinstance(value, str) and value else "a provisioner needs a name"


def _public_key(value: Any) -> str:
    members = cast("dict[str, Any]", value) if isinstance(value, dict) else {}
    private = [name for name in _PRIVATE if members.get(name)]
    return (
        f"it has the private member {private[0]!r}; only the public key belongs here"
        if private
        else ""
    )


_ALL: Mapping[str, Member] = {
    "type": honour("the kind, in any case"),
    "name": honour("the name", problem=_name),
    "claims": honour("limits; what is not set is inherited", members=CLAIMS),
    "options": honour("templates and webhooks", members=OPTIONS),
    "policy": honour(
        "which names are issued by it, besides those of the authority", members=POLICY
    ),
    "newel": honour("what the format has no word for", members=OWN),
}


def _own(**says: str) -> Member:
    """Return the settings that only one kind has, in addition to those of every kind."""
    members = {name: honour(effect) for name, effect in says.items()}
    return honour("what the format has no word for", members=members)


def _only(known: tuple[str, ...], what: str) -> Callable[[Any], str]:
    """Return what says why a list has an entry that is none of those known, or ""."""

    def check(value: Any) -> str:
        listed = cast("list[Any]", value) if isinstance(value, list) else []
        unknown = [each for each in listed if each not in known]
        return f"{unknown[0]!r} is not {what}: {', '.join(known)}" if unknown else ""

    return check


_imds_version = _only(("v1", "v2"), "a version of the metadata service")
_attestation_format = _only(ATTESTATION_FORMATS, "a format of attestations")

_INSTANCE: Mapping[str, Member] = {
    "disableCustomSANs": honour("an instance gets the names of its cloud and no others"),
    "disableTrustOnFirstUse": honour("an instance may come again"),
}

OF_KIND: Mapping[str, Mapping[str, Member]] = {
    "JWK": {
        "key": honour("the public key, a JWK", problem=_public_key),
        "encryptedKey": honour("the private key, encrypted, for those who have its password"),
    },
    "ACME": {
        "forceCN": honour("the first name is the common name where the request has none"),
        "termsOfService": honour("shown, and to be agreed to"),
        "website": honour("shown"),
        "caaIdentities": honour("shown; with newel.checkCAA, the names that CAA records give it"),
        "requireEAB": honour("only accounts with an external account key"),
        "challenges": honour("those offered; one that is not there turns the provisioner off"),
        "attestationFormats": honour(
            "the formats that attest devices, of apple, step, tpm and android-key; without any, each",
            problem=_attestation_format,
        ),
        "attestationRoots": honour(
            "whose certificates attest devices, instead of their makers' (tpm has none): base64 of PEM"
        ),
        "newel": honour(
            "what the format has no word for",
            members={
                "androidStatusURL": honour(
                    "Android's list of revoked attestation keys, instead of Google's"
                ),
                "checkCAA": honour(
                    "CAA records of every name must let one of caaIdentities issue (RFC 8659, RFC 8657)"
                ),
                "preauthorization": honour("accounts may prove names before they order"),
                "subdomains": honour(
                    "who proves a domain by DNS may get certificates for the domains below it"
                ),
                "resolvers": honour(
                    "name servers of its validations, instead of the authority's: address or address:port"
                ),
                "secondResolvers": honour(
                    "name servers by which each validation is made once more: both must find the same"
                ),
                "profiles": PROFILES,
            },
        ),
    },
    "OIDC": {
        "clientID": honour("the client that ID tokens have to be for"),
        "clientSecret": honour("shown, because step needs it to obtain an ID token"),
        "configurationEndpoint": honour("the provider's URL, or that of its discovery document"),
        "tenantID": honour("stands for {tenantid} in the provider's issuer"),
        "admins": honour("addresses and groups that may ask for any name, and revoke"),
        "domains": honour("only addresses of these domains, and administrators"),
        "groups": honour("only members of one of these groups"),
        "listenAddress": honour("shown: where step waits for the browser"),
        "scopes": honour("shown: what step asks the provider for"),
        "authParams": honour("shown: further parameters of step's request"),
        "newel": _own(
            allowUnverifiedEmail="certifies addresses that the provider has not verified",
            hideClientSecret="leaves the client secret out of the list of provisioners",
        ),
    },
    "X5C": {"roots": honour("whose certificates sign tokens: base64 of PEM")},
    "mTLS": {
        "roots": honour("whose client certificates are accepted, with intermediates: base64 of PEM"),
        "allowCustomSANs": honour(
            "the request's names, by policy.x509.allow or a template, not the certificate's own"
        ),
    },
    "SSHPOP": {},
    "K8sSA": {
        "publicKeys": honour("the cluster's keys, which sign legacy tokens: base64 of PEM"),
        "newel": _own(
            issuer="accepts bound tokens of this issuer",
            audiences="a bound token has to name one; default: this authority's URL for signing",
            jwksURL="where the keys of bound tokens are; default: where the issuer's discovery says",
            tokenReviewURL="the API server that reviews each bound token",
            caFile="PEM of the authorities of that server's certificate",
            tokenFile="the bearer token that this authority shows it",
            allowReuse="a bound token obtains several certificates",
        ),
    },
    "SCEP": {
        "forceCN": honour("the first name is the common name where the request has none"),
        "challenge": honour("the secret that a request for a first certificate contains"),
        "capabilities": honour("what GetCACaps answers, instead of what this server can do"),
        "includeRoot": honour("GetCACert answers the roots too"),
        "excludeIntermediate": honour("GetCACert answers no intermediate"),
        "minimumPublicKeyLength": honour("bits of RSA keys, default 2048, never less"),
        "decrypterCertificate": honour(
            "the certificate that messages are encrypted to, instead of one that is made: base64 of PEM"
        ),
        "decrypterKeyPEM": honour("its RSA key: base64 of PEM"),
        "decrypterKey": honour("or the file of its key"),
        "decrypterKeyPassword": honour("the password of that key"),
        "encryptionAlgorithmIdentifier": honour(
            "how answers are encrypted: 1 AES-128-CBC (also for 0, where step-ca uses DES), 2 AES-256-CBC"
        ),
        "newel": _own(
            withoutChallenge="every client may enrol without a challenge",
            allowDES="messages may be encrypted by DES, where devices have nothing else",
        ),
    },
    "Nebula": {"roots": honour("the networks' authorities: base64 of PEM, of either version")},
    "AWS": {
        **_INSTANCE,
        "accounts": honour("only instances of these accounts; without any, of every account"),
        "instanceAge": honour("only instances launched so recently", problem=duration),
        "imdsVersions": honour("shown: how step asks the metadata service", problem=_imds_version),
        "iidRoots": honour("a file of certificates that sign identity documents, instead of AWS's"),
    },
    "GCP": {
        **_INSTANCE,
        "serviceAccounts": honour("only instances with one of these service accounts"),
        "projectIDs": honour("only instances of these projects; without any, of every project"),
        "organizationID": refuse(
            "an instance does not say its organization, and Google is not asked; list projectIDs"
        ),
        "instanceAge": honour("only instances created so recently", problem=duration),
        "disableSSHCAUser": honour(
            "no SSH certificates for users (default); false: as sa_<subject> and the service account's address"
        ),
        "disableSSHCAHost": honour("no SSH certificates for hosts"),
        "newel": _own(
            keysURL="where the keys of the tokens are, instead of Google's",
            issuer="who issues the tokens, instead of Google",
            caFile="a file of the authorities of the key server's certificate",
        ),
    },
    "Azure": {
        **_INSTANCE,
        "tenantID": honour("the tenant; only one provisioner may have it"),
        "resourceGroups": honour("only machines of these resource groups, in any case"),
        "subscriptionIDs": honour("only machines of these subscriptions, in any case"),
        "objectIDs": honour("only these managed identities, in any case"),
        "audience": honour("the resource of the tokens, default https://management.azure.com/"),
        "newel": _own(
            discoveryURL="the tenant's discovery document, instead of that of the audience's cloud",
            caFile="a file of the authorities of its server's certificate",
        ),
    },
}  # fmt: skip # a table

SPELLING: Mapping[str, str] = {kind.lower(): kind for kind in OF_KIND}
"""The kinds as their records are tagged, by the same in lower case: they are read in any case."""


def members_of(kind: str) -> Mapping[str, Member]:
    """Every member that a provisioner of a kind may have."""
    of_kind = OF_KIND[kind]
    reason = f"it is about tokens, and {kind} provisioners take none"
    own = {**OWN, **dict.fromkeys(_WITHOUT_TOKENS.get(kind, ()), refuse(reason))}
    if "newel" in of_kind:
        own |= of_kind["newel"].members or {}
    return {**_ALL, **of_kind, "newel": _ALL["newel"]._replace(members=own)}
