"""Accounts of an ACME server (RFC 8555 §7.3): made, found again, given another key, given up."""

import json
from collections.abc import Sequence
from typing import NamedTuple, cast

from newel.acme import external_account, key_change
from newel.client.acme_events import Flow, Response
from newel.client.acme_session import Session, members
from newel.crypto.keys import PrivateKey

CREATED = 201
NO_ACCOUNT = "accountDoesNotExist"
"""The code of the error for a key that has no account (RFC 8555 §7.3.1)."""


class ExternalAccountKey(NamedTuple):
    """A key from the server's operator, which an account is bound to (RFC 8555 §7.3.4)."""

    key_id: str
    mac_key: bytes


class Account(NamedTuple):
    """An account as its server shows it."""

    url: str
    status: str
    contacts: Sequence[str]
    """URLs, ``mailto:`` mostly."""


def register(
    session: Session, contacts: Sequence[str] = (), binding: ExternalAccountKey | None = None
) -> Flow[Account]:
    """Create the account of the session's key, or find it, and agree to the terms of service.

    Given contacts replace those of an existing account. The session speaks for the account from
    then on. Raises ClientError.
    """
    wanted = [each if ":" in each else f"mailto:{each}" for each in contacts]
    payload: dict[str, object] = {"termsOfServiceAgreed": True, "contact": wanted}
    url = yield from session.url("newAccount")
    if binding is not None:
        made = external_account.make_binding(*binding, url, session.key.public_key())
        payload["externalAccountBinding"] = json.loads(made)
    answer = yield from session.post(url, payload)
    found = _open(session, answer)
    if answer.status == CREATED or not wanted or sorted(wanted) == sorted(found.contacts):
        return found
    return _account(found.url, (yield from session.post(found.url, {"contact": wanted})))


def find(directory: str, key: PrivateKey) -> Flow[Account]:
    """Return the account of a key. Raises RefusedError, with the code NO_ACCOUNT when there is none."""
    return (yield from _find(Session(directory, key)))


def change_key(directory: str, old: PrivateKey, new: PrivateKey) -> Flow[Account]:
    """Give the account of ``old`` another key (RFC 8555 §7.3.5). Raises ClientError."""
    session = Session(directory, old)
    found = yield from _find(session)
    url = yield from session.url("keyChange")
    yield from session.post(url, json.loads(key_change.make_request(found.url, url, old, new)))
    return found


def deactivate(directory: str, key: PrivateKey) -> Flow[Account]:
    """Deactivate the account, which cannot be undone (RFC 8555 §7.3.6). Raises ClientError."""
    session = Session(directory, key)
    found = yield from _find(session)
    return _account(found.url, (yield from session.post(found.url, {"status": "deactivated"})))


def _find(session: Session) -> Flow[Account]:
    url = yield from session.url("newAccount")
    return _open(session, (yield from session.post(url, {"onlyReturnExisting": True})))


def _open(session: Session, answer: Response) -> Account:
    session.kid = answer.headers.get("location", "")
    return _account(session.kid, answer)


def _account(url: str, answer: Response) -> Account:
    found = members(answer)
    contacts: object = found.get("contact")
    known = cast("list[object]", contacts) if isinstance(contacts, list) else []
    return Account(url, str(found.get("status", "")), [str(each) for each in known])
