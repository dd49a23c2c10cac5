"""Which flag sets which member of which kind of provisioner."""

from typing import NamedTuple

NAMES = {
    "JWK": "JWK", "ACME": "ACME", "OIDC": "OIDC", "X5C": "X5C", "SSHPOP": "SSHPOP", "K8SSA": "K8sSA",
    "NEBULA": "Nebula", "MTLS": "mTLS", "SCEP": "SCEP", "AWS": "AWS", "GCP": "GCP", "AZURE": "Azure",
}  # fmt: skip # a table
"""The kinds by their name in capitals."""

OPTIONS = ", ".join(NAMES)
CHALLENGES = (
    "http-01",
    "dns-01",
    "tls-alpn-01",
    "device-attest-01",
    "dns-account-01",
    "dns-persist-01",
)
FORMATS = ("apple", "step", "tpm")


class Member(NamedTuple):
    """One member. ``form``: text, flag, list, number, duration, secret, or a function of `bundles`."""

    flag: str
    name: str
    form: str = "text"


CLOUD = (
    Member("disable-custom-sans", "disableCustomSANs", "flag"),
    Member("disable-trust-on-first-use", "disableTrustOnFirstUse", "flag"),
)
MEMBERS: dict[str, tuple[Member, ...]] = {
    "JWK": (),
    "SSHPOP": (),
    "OIDC": (
        Member("client-id", "clientID"),
        Member("client-secret", "clientSecret"),
        Member("configuration-endpoint", "configurationEndpoint"),
        Member("tenant-id", "tenantID"),
        Member("admin", "admins", "list"),
        Member("domain", "domains", "list"),
        Member("group", "groups", "list"),
        Member("listen-address", "listenAddress"),
        Member("scope", "scopes", "list"),
        Member("auth-param", "authParams", "list"),
    ),
    "ACME": (
        Member("force-cn", "forceCN", "flag"),
        Member("require-eab", "requireEAB", "flag"),
        Member("challenge", "challenges", "list"),
        Member("attestation-format", "attestationFormats", "list"),
        Member("attestation-roots", "attestationRoots", "certificates"),
    ),
    "X5C": (Member("x5c-roots", "roots", "certificates"),),
    "mTLS": (Member("x5c-roots", "roots", "certificates"),),
    "Nebula": (Member("nebula-root", "roots", "nebula_certificates"),),
    "K8sSA": (Member("public-key", "publicKeys", "public_keys"),),
    "AWS": (
        Member("aws-account", "accounts", "list"),
        *CLOUD,
        Member("instance-age", "instanceAge", "duration"),
    ),
    "GCP": (
        Member("gcp-service-account", "serviceAccounts", "list"),
        Member("gcp-project", "projectIDs", "list"),
        Member("gcp-organization", "organizationID"),
        *CLOUD,
        Member("disable-ssh-ca-user", "disableSSHCAUser", "flag"),
        Member("disable-ssh-ca-host", "disableSSHCAHost", "flag"),
        Member("instance-age", "instanceAge", "duration"),
    ),
    "Azure": (
        Member("azure-tenant", "tenantID"),
        Member("azure-resource-group", "resourceGroups", "list"),
        Member("azure-audience", "audience"),
        Member("azure-subscription-id", "subscriptionIDs", "list"),
        Member("azure-object-id", "objectIDs", "list"),
        *CLOUD,
    ),
    "SCEP": (
        Member("force-cn", "forceCN", "flag"),
        Member("challenge", "challenge"),
        Member("capabilities", "capabilities", "list"),
        Member("include-root", "includeRoot", "flag"),
        Member("exclude-intermediate", "excludeIntermediate", "flag"),
        Member("min-public-key-length", "minimumPublicKeyLength", "number"),
        Member("encryption-algorithm-identifier", "encryptionAlgorithmIdentifier", "number"),
        Member("scep-decrypter-certificate-file", "decrypterCertificate", "first_certificate"),
        Member("scep-decrypter-key-file", "decrypterKeyPEM", "encrypted_key"),
        Member("scep-decrypter-key-uri", "decrypterKey"),
        Member("scep-decrypter-key-password-file", "decrypterKeyPassword", "secret"),
    ),
}

CLAIMS = (
    *(
        Member(f"{kind}-{bound}-dur", f"{word}{subject}Duration", "duration")
        for kind, subject in (
            ("x509", "TLSCert"),
            ("ssh-user", "UserSSHCert"),
            ("ssh-host", "HostSSHCert"),
        )
        for bound, word in (("min", "min"), ("max", "max"), ("default", "default"))
    ),
    Member("ssh", "enableSSHCA", "flag"),
    Member("disable-renewal", "disableRenewal", "flag"),
    Member("allow-renewal-after-expiry", "allowRenewalAfterExpiry", "flag"),
    Member("disable-smallstep-extensions", "disableSmallstepExtensions", "flag"),
)

REQUIRED = {
    "X5C": ("x5c-roots",), "mTLS": ("x5c-roots",), "Nebula": ("nebula-root",), "K8sSA": ("public-key",),
    "OIDC": ("client-id", "configuration-endpoint"), "Azure": ("azure-tenant",),
}  # fmt: skip # a table
