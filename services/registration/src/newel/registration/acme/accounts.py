"""Accounts: newAccount, update, deactivation, the list of orders (RFC 8555 §7.3)."""

import datetime as dt

import msgspec

from newel.acme import external_account, messages
from newel.registration.acme import changes, contacts, ids, responses
from newel.registration.acme.calls import Call, deactivated, not_found
from newel.registration.acme.changes import NewAccount
from newel.registration.acme.records import DEACTIVATED, VALID, Account
from newel.registration.acme.server import Server
from newel.registration.audit_trail import Decision
from newel.runtime.database.contract import Write
from newel.runtime.errors import ErrorType, NewelError
from newel.runtime.http.response import Response

_PAGE = 100


async def new_account(server: Server, call: Call) -> Response:
    """An account for the key that signed: the one it has (200), or a new one (201)."""
    asked = call.decode(messages.NewAccount)
    found = await call.storage.account_of_key(call.thumbprint, call.provisioner.name)
    if found is None and asked.only_return_existing:
        raise NewelError(ErrorType.ACCOUNT_DOES_NOT_EXIST, "the key has no account here")
    if found is None and call.provisioner.terms_of_service and not asked.terms_of_service_agreed:
        return await _agree_first(server, call)
    if found is None:
        identity = ids.new_id(call.now)
        await call.commit(*await _creation(server, call, asked, identity))
        # Of two requests with one key that race, both now find the account of the winner.
        found = await call.storage.account_of_key(call.thumbprint, call.provisioner.name)
        if found is None:
            raise _binding_taken()
        if found.id == identity:
            server.decisions.write(
                Decision(
                    "acme.new-account", dict(account=call.urls.account(identity), **call.facts())
                )
            )
            return _answer(call, found, status=201)
    else:
        await call.commit()
    if found.status != VALID:
        raise deactivated()
    return _answer(call, found)


async def account(server: Server, call: Call, identity: str) -> Response:
    """POST-as-GET, update of contacts, or deactivation of the account that signed."""
    if ids.parse(identity) != call.account.id:
        raise not_found()
    if not call.payload:
        await call.commit()
    else:
        change = call.decode(messages.AccountUpdate)
        await call.commit(*_changes(server, call, change))
        server.authenticator.forget(call.account)
        if change.status is not None:
            server.decisions.write(Decision("acme.deactivate-account", dict(**call.facts())))
    found = await call.storage.account(call.account.id, call.provisioner.name)
    return _answer(call, found or call.account)


async def orders(_server: Server, call: Call, identity: str, after: str) -> Response:
    """A page of the account's orders, the next one as a link (§7.1.2.1)."""
    call.require_get()
    if ids.parse(identity) != call.account.id:
        raise not_found()
    await call.commit()
    start = ids.parse(after) or b""
    page = await call.storage.orders(call.account.id, start, _PAGE)
    listed = messages.Orders([call.urls.order(order) for order in page])
    if len(page) < _PAGE:
        return responses.json(listed)
    following = f"{call.urls.orders(call.account.id)}?after={ids.text(page[-1])}"
    return responses.json(listed, responses.link(following, "next"))


async def _agree_first(server: Server, call: Call) -> Response:
    """A refusal that says where the terms of service are (§7.3, §7.3.3)."""
    await call.commit()
    error = NewelError(ErrorType.USER_ACTION_REQUIRED, "agree to the terms of service first")
    server.decisions.write(Decision("acme.new-account", call.facts(), error))
    terms = call.provisioner.terms_of_service
    return responses.error_response(error, responses.link(terms, "terms-of-service"))


async def _creation(
    server: Server, call: Call, asked: messages.NewAccount, identity: bytes
) -> list[Write]:
    """The writes that make the account; refuses what §7.3 lets the server refuse."""
    contact = contacts.canonical(asked.contact, server.limits.contacts)
    terms = call.provisioner.terms_of_service
    new = NewAccount(
        identity,
        call.provisioner.name,
        call.key,
        call.thumbprint,
        contact,
        terms if asked.terms_of_service_agreed else "",
        call.seconds,
    )
    if not call.provisioner.require_external_account:
        # step-ca ignores a binding nobody asked for, and so do its users' clients
        return changes.add_account(new)
    return await _bound_creation(call, asked, new)


async def _bound_creation(call: Call, asked: messages.NewAccount, new: NewAccount) -> list[Write]:
    """The same with an external account key, which is bound once (§7.3.4)."""
    raw = asked.external_account_binding
    if raw is msgspec.UNSET or bytes(raw) == b"null":
        raise NewelError(
            ErrorType.EXTERNAL_ACCOUNT_REQUIRED, "this directory needs an external account binding"
        )
    binding = bytes(raw)
    key_id = external_account.read_key_id(binding)
    known = await call.storage.external_key(key_id, call.provisioner.name)
    # An unknown key id takes the same way as a wrong MAC.
    mac_key, taken = known or (b"\x00" * 32, True)
    external_account.verify(binding, mac_key, url=call.url, account_key=call.key)
    if taken:
        raise _binding_taken()
    return changes.add_bound_account(new, key_id)


def _changes(server: Server, call: Call, change: messages.AccountUpdate) -> list[Write]:
    identity = call.account.id
    if change.status is not None:
        if change.status != DEACTIVATED:
            raise NewelError(ErrorType.MALFORMED, "the one status a client can set is deactivated")
        oldest = ids.floor(call.now - server.limits.order_lifetime / dt.timedelta(seconds=1))
        return changes.deactivate_account(identity, oldest)
    if change.contact is None:
        return []  # nothing known was asked for: unknown members are ignored (§7.3.2)
    contact = contacts.canonical(change.contact, server.limits.contacts)
    return changes.set_contact(identity, contact)


def _answer(call: Call, found: Account, status: int = 200) -> Response:
    shown = messages.Account(
        found.status,
        call.urls.orders(found.id),
        msgspec.json.decode(found.contact, type=tuple[str, ...]),
        bool(found.terms_agreed),
    )
    return responses.json(shown, responses.location(call.urls.account(found.id)), status=status)


def _binding_taken() -> NewelError:
    return NewelError(ErrorType.UNAUTHORIZED, "the external account key cannot be used")
