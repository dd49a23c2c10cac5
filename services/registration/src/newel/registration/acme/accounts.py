"""Accounts: creation, update, deactivation (RFC 8555 §7.3)."""

import datetime as dt

import msgspec

from newel.acme import external_account, messages
from newel.registration.acme import contacts, ids
from newel.registration.acme.calls import Call, deactivated_error
from newel.registration.acme.changes import Change, DeactivateAccount, NewAccount, SetContact
from newel.registration.acme.issuance import require_unblocked
from newel.registration.acme.records import Account, AccountStatus, UsableKey
from newel.registration.acme.server import Server
from newel.registration.audit_trail import Decision
from newel.runtime.errors import ErrorType, NewelError


class TermsRequiredError(NewelError):
    """The terms of service have to be agreed to first (RFC 8555 §7.3.3)."""

    def __init__(self) -> None:
        super().__init__(ErrorType.USER_ACTION_REQUIRED, "agree to the terms of service first")


async def find_or_create(
    server: Server, call: Call, request: messages.NewAccount
) -> tuple[Account, Decision | None]:
    """Return the account of the key that signed, and the decision when it was created. Raises NewelError."""
    provisioner = call.provisioner
    found = await call.storage.account_by_key(call.thumbprint, provisioner.name)
    decision = None
    if found is not None:
        await call.commit()
    elif request.only_return_existing:
        raise NewelError(ErrorType.ACCOUNT_DOES_NOT_EXIST, "the key has no account here")
    elif provisioner.terms_of_service and not request.terms_of_service_agreed:
        await call.commit()
        raise TermsRequiredError
    else:
        await require_unblocked(server.issuance, call.key)
        new = await _new_account(server, call, request)
        await call.commit(new)
        # of two racing requests with one key both now find the account of the winner
        found = await call.storage.account_by_key(call.thumbprint, provisioner.name)
        if found is None:
            raise _unusable_binding()
        if found.id == new.id:
            facts = {"account": call.urls.account(new.id), **call.facts()}
            decision = Decision("acme.new-account", facts)
    if found.status is not AccountStatus.VALID:
        raise deactivated_error()
    return found, decision


async def update(server: Server, call: Call, request: messages.AccountUpdate) -> Decision | None:
    """Set the contacts of the account, or deactivate it. Raises NewelError."""
    await call.commit(_change(server, call, request))
    server.authenticator.forget(call.account)
    if request.status is None:
        return None
    return Decision("acme.deactivate-account", call.facts())


def _change(server: Server, call: Call, request: messages.AccountUpdate) -> Change | None:
    account = call.account.id
    if request.status is not None:
        if request.status != AccountStatus.DEACTIVATED:
            raise NewelError(ErrorType.MALFORMED, "the one status a client can set is deactivated")
        return DeactivateAccount(account, ids.floor(call.now - server.limits.order_lifetime))
    if request.contact is None:
        return None  # unknown members are ignored (§7.3.2)
    return SetContact(account, contacts.canonical(request.contact, server.limits.contacts))


async def _new_account(server: Server, call: Call, request: messages.NewAccount) -> NewAccount:
    provisioner = call.provisioner
    contact = contacts.canonical(request.contact, server.limits.contacts)
    # step-ca ignores a binding that is not required, and clients rely on it
    external_key = ""
    if provisioner.require_external_account:
        external_key = await _verify_binding(call, request)
    return NewAccount(
        ids.new_id(call.now),
        provisioner.name,
        call.key,
        call.thumbprint,
        contact,
        provisioner.terms_of_service if request.terms_of_service_agreed else "",
        call.now,
        external_key,
    )


async def _verify_binding(call: Call, request: messages.NewAccount) -> str:
    """Verify the external account binding and return its key id (§7.3.4)."""
    raw = request.external_account_binding
    if raw is msgspec.UNSET or bytes(raw) == b"null":
        raise NewelError(
            ErrorType.EXTERNAL_ACCOUNT_REQUIRED, "this directory needs an external account binding"
        )
    binding = bytes(raw)
    key_id = external_account.read_key_id(binding)
    known = await call.storage.external_key(key_id, call.provisioner.name)
    # an unknown key id fails like a wrong MAC
    mac_key = b"\x00" * 32 if known is None else known.mac_key
    external_account.verify(binding, mac_key, url=call.url, account_key=call.key)
    if known is None:
        raise _unusable_binding()
    why = _explain_refusal(known, call.now)
    if why:
        raise NewelError(
            ErrorType.UNAUTHORIZED,
            f"this external account key has {why}: ask the administrator for another",
        )
    return key_id


def _explain_refusal(key: UsableKey, now: dt.datetime) -> str:
    """Say why a key binds no further account; "": it binds one."""
    if key.ends_at is not None and key.ends_at <= now:
        return f"ended at {key.ends_at:%Y-%m-%dT%H:%M:%SZ}"
    if key.bound < key.most:
        return ""
    return (
        f"bound the {key.most} accounts that it may"
        if key.most > 1
        else "bound the account that it may"
    )


def _unusable_binding() -> NewelError:
    return NewelError(ErrorType.UNAUTHORIZED, "the external account key cannot be used")
