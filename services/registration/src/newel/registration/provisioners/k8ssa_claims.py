"""The service account, pod and node that a token of Kubernetes names.

Legacy tokens (of a Secret) name the account in claims of their own; bound tokens, which the TokenRequest
API issues, have one object ``kubernetes.io`` and a subject.
"""

from typing import Any

import msgspec

from newel.registration.errors import unauthorized_error

LEGACY_ISSUER = "kubernetes/serviceaccount"


class _Object(msgspec.Struct):
    name: str = ""
    uid: str = ""

    def variables(self) -> dict[str, str]:
        return {"Name": self.name, "UID": self.uid}


class Account(msgspec.Struct):
    """A service account, and the objects that its token is bound to."""

    namespace: str = ""
    serviceaccount: _Object = msgspec.field(default_factory=_Object)
    pod: _Object | None = None
    node: _Object | None = None
    secret: _Object | None = None


class _Claims(msgspec.Struct):
    bound: Account | None = msgspec.field(default=None, name="kubernetes.io")
    namespace: str = msgspec.field(default="", name="kubernetes.io/serviceaccount/namespace")
    account: str = msgspec.field(
        default="", name="kubernetes.io/serviceaccount/service-account.name"
    )
    account_uid: str = msgspec.field(
        default="", name="kubernetes.io/serviceaccount/service-account.uid"
    )
    secret: str = msgspec.field(default="", name="kubernetes.io/serviceaccount/secret.name")


_claims = msgspec.json.Decoder(_Claims)


def read_account(payload: bytes, subject: str, *, is_bound: bool) -> Account:
    """Read whom a verified token names.

    Raises ``unauthorized`` for a bound token without a service account, and for one whose subject is
    another.
    """
    try:
        claims = _claims.decode(payload)
    except ValueError as error:
        raise unauthorized_error(f"the service account token: {error}") from None
    if is_bound and claims.bound is None:
        raise unauthorized_error("the token names no service account (kubernetes.io)")
    found = claims.bound or Account(
        claims.namespace,
        _Object(claims.account, claims.account_uid),
        secret=_Object(claims.secret) if claims.secret else None,
    )
    wanted = f"system:serviceaccount:{found.namespace}:{found.serviceaccount.name}"
    if claims.bound is not None and subject != wanted:
        raise unauthorized_error("the token's subject is not its service account (sub)")
    return found


def template_variables(account: Account) -> dict[str, Any]:
    """Return ``.Kubernetes`` for templates; what a token does not name is absent."""
    found: dict[str, Any] = {
        "Namespace": account.namespace,
        "ServiceAccount": account.serviceaccount.variables(),
    }
    for name in ("pod", "node", "secret"):
        own: _Object | None = getattr(account, name)
        if own is not None:
            found[name.capitalize()] = own.variables()
    return {"Kubernetes": found}
