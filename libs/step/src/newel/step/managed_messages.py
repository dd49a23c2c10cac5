"""The messages of remote management, as its clients write them: protobuf's JSON, checked strictly.

A member that is not known, or has another type, is an error. What has its type's empty value is left out.
Lists of administrators and of external account keys are spelled in another way; see ``listed``.
"""

import datetime as dt
from typing import Any, Final

import msgspec

from newel.step.policies import NameLists

NO_TIME: Final = "0001-01-01T00:00:00Z"
"""How an unset time is written."""
NO_SECONDS: Final = -62135596800
"""The same in seconds since 1970."""
ADMIN, SUPER_ADMIN = 1, 2
ADMIN_TYPES: Final = {ADMIN: "ADMIN", SUPER_ADMIN: "SUPER_ADMIN"}


class _Message(msgspec.Struct, omit_defaults=True, rename="camel", forbid_unknown_fields=True):
    pass


class Template(_Message):
    """A template and its variables, each in base64."""

    template: bytes = b""
    data: bytes = b""


class Durations(_Message):
    """Go's durations."""

    default: str = ""
    min: str = ""
    max: str = ""


class X509Claims(_Message):
    """Limits of X.509 certificates."""

    enabled: bool = False
    durations: Durations | None = None


class SSHClaims(_Message):
    """Limits of SSH certificates."""

    enabled: bool = False
    user_durations: Durations | None = None
    host_durations: Durations | None = None


class ManagedClaims(_Message):
    """The limits of a provisioner."""

    x509: X509Claims | None = None
    ssh: SSHClaims | None = None
    disable_renewal: bool = False
    allow_renewal_after_expiry: bool = False
    disable_smallstep_extensions: bool = False


class BearerToken(_Message):
    """A webhook's credential."""

    bearer_token: str = ""


class BasicAuth(_Message):
    """A webhook's credential."""

    username: str = ""
    password: str = ""


class ManagedWebhook(_Message):
    """A webhook of a provisioner."""

    name: str = ""
    id: str = ""
    url: str = ""
    kind: str = ""
    secret: str = ""
    bearer_token: BearerToken | None = None
    basic_auth: BasicAuth | None = None
    disable_tls_client_auth: bool = False
    cert_type: str = ""


class Names(_Message):
    """The names of one side of a policy; which of them there may be depends on its kind."""

    dns: list[str] = []
    ips: list[str] = []
    emails: list[str] = []
    uris: list[str] = []
    common_names: list[str] = []
    principals: list[str] = []


class NameRulesMessage(_Message):
    """A policy of one kind of certificate."""

    allow: Names | None = None
    deny: Names | None = None
    allow_wildcard_names: bool = False


class SSHPolicy(_Message):
    """The policies of SSH certificates."""

    user: NameRulesMessage | None = None
    host: NameRulesMessage | None = None


class ManagedPolicy(_Message):
    """A policy of the authority, of a provisioner or of an ACME account."""

    x509: NameRulesMessage | None = None
    ssh: SSHPolicy | None = None


class ManagedProvisioner(_Message):
    """A provisioner. ``details`` has one member, named after its kind."""

    id: str = ""
    authority_id: str = ""
    type: str = ""
    name: str = ""
    details: dict[str, dict[str, Any]] = {}
    claims: ManagedClaims | None = None
    x509_template: Template | None = None
    ssh_template: Template | None = None
    created_at: str = ""
    deleted_at: str = ""
    policy: ManagedPolicy | None = None
    webhooks: list[ManagedWebhook] = []


class NewAdmin(msgspec.Struct):
    """A request for an administrator: plain JSON, with the number of the type."""

    subject: str = ""
    provisioner: str = ""
    type: int = 0


class AdminChange(msgspec.Struct):
    """A request for another type of administrator."""

    type: int = 0


class NewExternalKey(msgspec.Struct):
    """A request for an external account key."""

    reference: str = ""
    approved: NameLists | None = None
    """Names that its accounts need not prove."""
    most_accounts: int = msgspec.field(default=1, name="mostAccounts")
    """How many accounts it may bind."""
    not_after: str = msgspec.field(default="", name="notAfter")
    """From when on it binds none and approves no names, in RFC 3339; ``""``: never."""


class ManagedAdmin(_Message):
    """An administrator in an answer of its own."""

    id: str = ""
    authority_id: str = ""
    subject: str = ""
    provisioner_id: str = ""
    type: str = ""
    created_at: str = ""


class ManagedExternalKey(_Message):
    """An external account key (RFC 8555 §7.3.4); only the answer that makes it has the MAC key."""

    id: str = ""
    hmac_key: bytes = b""
    provisioner: str = ""
    reference: str = ""
    account: str = ""
    created_at: str = ""
    bound_at: str = ""
    policy: ManagedPolicy | None = None
    approved: NameLists | None = None
    most_accounts: int = 1
    """How many accounts it may bind."""
    bound_accounts: int = 0
    """How many it has bound, where it may bind several; ``account`` is the last."""
    not_after: str = ""
    """When it ends, in RFC 3339; ``""``: never."""


def write_time(seconds: int | None) -> str:
    """Return a time in seconds since 1970 as RFC 3339; None as protobuf's clients write no time."""
    if seconds is None:
        return NO_TIME
    return dt.datetime.fromtimestamp(seconds, dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def listed_admin(admin: ManagedAdmin, created_at: int) -> dict[str, Any]:
    """Return an administrator as lists spell it: names in snake case, the type as a number."""
    number = next(number for number, name in ADMIN_TYPES.items() if name == admin.type)
    return {
        "id": admin.id,
        "authority_id": admin.authority_id,
        "subject": admin.subject,
        "provisioner_id": admin.provisioner_id,
        "type": number,
        "created_at": {"seconds": created_at},
        "deleted_at": {"seconds": NO_SECONDS},
    }


def listed_key(key: ManagedExternalKey, created_at: int, bound_at: int | None) -> dict[str, Any]:
    """Return an external account key as lists spell it, without the MAC key."""
    # an unset time is written out: step shows a missing one as 1970
    found: dict[str, Any] = {
        "id": key.id,
        "provisioner": key.provisioner,
        "reference": key.reference,
        "account": key.account,
        "created_at": {"seconds": created_at},
        "bound_at": {"seconds": NO_SECONDS if bound_at is None else bound_at},
        "approved": None if key.approved is None else msgspec.to_builtins(key.approved),
        "most_accounts": key.most_accounts if key.most_accounts > 1 else 0,
        "bound_accounts": key.bound_accounts,
        "not_after": key.not_after,
    }
    return {name: value for name, value in found.items() if value}
