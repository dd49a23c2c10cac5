"""What an issuer says: where its authority is, what to trust, and by what the controller is known there.

An issuer of a namespace names an account or a secret of that namespace only: who may create issuers there
must not be able to present the controller's own tokens, or what is another namespace's, to a server.
"""

import base64
from dataclasses import dataclass
from typing import Any

import msgspec

from newel.client.trust import base_url
from newel.crypto import certificate_files, pem
from newel.kubernetes.errors import IssuerError, shorten
from newel.kubernetes.kinds import CLUSTER_ISSUER, ISSUER, STEP_CLUSTER_ISSUER, Kind

INVALID = "Invalid"
_MOST_ROOTS = 64 * 1024


class PasswordRef(msgspec.Struct, frozen=True):
    """An entry of a secret."""

    name: str
    key: str = "password"
    namespace: str = ""


class Provisioner(msgspec.Struct, frozen=True, rename="camel"):
    """A JWK provisioner, by step-issuer's members and ours, which are the same."""

    name: str
    kid: str = ""
    password_ref: PasswordRef | None = None
    password_env: str = ""
    password_file: str = ""


class ServiceAccount(msgspec.Struct, frozen=True, rename="camel"):
    """A service account, and the K8sSA provisioner that knows its cluster."""

    name: str = ""
    provisioner: str = ""


class _Auth(msgspec.Struct, rename="camel"):
    service_account: ServiceAccount | None = None
    provisioner: Provisioner | None = None


class _Spec(msgspec.Struct, rename="camel"):
    url: str
    ca_bundle: str
    auth: _Auth | None = None
    provisioner: Provisioner | None = None


@dataclass(frozen=True, slots=True)
class KeyAuth:
    """The key of a JWK provisioner, which a password in a secret opens."""

    provisioner: str
    kid: str
    namespace: str
    secret: str
    entry: str


@dataclass(frozen=True, slots=True)
class AccountAuth:
    """Tokens of a service account, for a K8sSA provisioner: any, or the one of a name."""

    namespace: str
    account: str
    provisioner: str


@dataclass(frozen=True, slots=True)
class Settings:
    """An issuer that can be understood."""

    url: str
    roots: str
    """PEM: what the authority's server certificate leads to."""
    auth: KeyAuth | AccountAuth

    @property
    def audience(self) -> str:
        """The audience of every token: this authority's endpoint, and nothing else accepts it."""
        fragment = ""
        if isinstance(self.auth, AccountAuth) and self.auth.provisioner:
            fragment = f"#k8ssa/{self.auth.provisioner}"
        return f"{self.url}/1.0/sign{fragment}"


def read_settings(
    kind: Kind, found: dict[str, Any], own_namespace: str, own_account: str
) -> Settings:
    """Read the spec of an issuer. Raises IssuerError that says which member is wrong."""
    try:
        spec = msgspec.convert(found.get("spec") or {}, _Spec)
    except msgspec.ValidationError as error:
        raise IssuerError(INVALID, f"spec: {shorten(str(error))}.") from None
    try:
        url = base_url(spec.url)
    except ValueError as error:
        raise IssuerError(INVALID, f"spec.url: {shorten(str(error))}.") from None
    if url != spec.url.rstrip("/"):
        raise IssuerError(INVALID, f"spec.url: write the authority's address alone, {url}.")
    roots = _read_roots(spec.ca_bundle)
    namespace: str = found["metadata"].get("namespace", "")
    auth = (
        _read_auth(spec, namespace, own_namespace, own_account)
        if kind in {ISSUER, CLUSTER_ISSUER}
        else _read_key("spec.provisioner", spec.provisioner, namespace, kind)
    )
    return Settings(url, roots, auth)


def _read_auth(
    spec: _Spec, namespace: str, own_namespace: str, own_account: str
) -> KeyAuth | AccountAuth:
    auth = spec.auth or _Auth()
    if (auth.service_account is None) == (auth.provisioner is None):
        raise IssuerError(
            INVALID, "spec.auth: give either serviceAccount or provisioner, and not both."
        )
    if auth.provisioner is not None:
        return _read_key(
            "spec.auth.provisioner", auth.provisioner, namespace or own_namespace, None
        )
    account = auth.service_account or ServiceAccount()
    if namespace and not account.name:
        raise IssuerError(
            INVALID,
            "spec.auth.serviceAccount.name: name an account of this namespace; the controller's own "
            "tokens are for cluster issuers only.",
        )
    if (namespace, account.name) == (own_namespace, own_account):
        raise IssuerError(
            INVALID,
            "spec.auth.serviceAccount.name: this is the controller's own account, whose tokens are for "
            "cluster issuers only; name another one.",
        )
    return AccountAuth(namespace or own_namespace, account.name or own_account, account.provisioner)


def _read_key(where: str, given: Provisioner | None, namespace: str, kind: Kind | None) -> KeyAuth:
    if given is None:
        raise IssuerError(INVALID, f"{where}: it is missing.")
    for member, value in (
        ("passwordEnv", given.password_env),
        ("passwordFile", given.password_file),
    ):
        if value:
            raise IssuerError(
                INVALID,
                f"{where}.{member}: what issuers name is not read from the controller's own process; "
                "put the password into a secret and name it by passwordRef.",
            )
    if given.password_ref is None:
        raise IssuerError(INVALID, f"{where}.passwordRef: it is missing.")
    reference = given.password_ref
    if kind is STEP_CLUSTER_ISSUER:
        namespace = reference.namespace
        if not namespace:
            raise IssuerError(INVALID, f"{where}.passwordRef.namespace: it is missing.")
    elif reference.namespace not in {"", namespace}:
        raise IssuerError(
            INVALID, f"{where}.passwordRef.namespace: secrets are read in {namespace} only."
        )
    return KeyAuth(given.name, given.kid, namespace, reference.name, reference.key)


def _read_roots(bundle: str) -> str:
    try:
        data = base64.b64decode(bundle, validate=True)
        if len(data) > _MOST_ROOTS:
            raise IssuerError(INVALID, f"spec.caBundle: it is longer than {_MOST_ROOTS} octets.")
        return pem.encode_all(certificate_files.parse_certificates(data)).decode()
    except ValueError as error:
        raise IssuerError(
            INVALID, f"spec.caBundle: no certificates in base64 of PEM: {shorten(str(error))}."
        ) from None
