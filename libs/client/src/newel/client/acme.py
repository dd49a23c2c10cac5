"""Certificates by ACME orders (RFC 8555 §7.4), as one exchange of values that makes no request itself."""

from collections.abc import Sequence
from typing import Any, NamedTuple, cast

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from newel.acme import challenges
from newel.client import acme_accounts, csr
from newel.client.acme_accounts import ExternalAccountKey
from newel.client.acme_events import Flow, Pause, Prove, Stage, Withdraw
from newel.client.acme_session import Session, members, text
from newel.client.errors import AnswerError, RefusedError
from newel.crypto import keys
from newel.crypto.keys import PrivateKey
from newel.jose import base64url, jwk

CHALLENGE_POLLS, CHALLENGE_PAUSE = 60, 1.0
ORDER_POLLS, ORDER_PAUSE = 30, 1.0
MAX_PAUSE = 5.0


class OrderRequest(NamedTuple):
    """What to certify, and how control over it is proven."""

    identifiers: Sequence[tuple[str, str]]
    """("dns", name) or ("ip", address)."""
    csr: bytes
    """DER."""
    challenge: str = challenges.HTTP_01
    contacts: Sequence[str] = ()
    not_before: str = ""
    not_after: str = ""
    binding: ExternalAccountKey | None = None
    """What lets a new account in, where the server asks for it."""


def obtain(directory: str, account: PrivateKey, order: OrderRequest) -> Flow[bytes]:
    """Return the chain, PEM, leaf first. Raises ClientError when the server refuses or is never ready.

    The account is that of its key; it is created if there is none yet.
    """
    session = Session(directory, account)
    yield from acme_accounts.register(session, order.contacts, order.binding)
    place, state = yield from _order(session, order)
    for each in cast("list[str]", state.get("authorizations") or []):
        yield from _authorize(session, each, order)
    yield Stage("ready")
    state = yield from _until(session, place, {"ready", "valid"}, ORDER_POLLS, ORDER_PAUSE)
    yield Stage("finalizing")
    if state.get("status") == "ready":
        yield from session.post(text(state, "finalize"), {"csr": base64url.encode(order.csr)})
        state = yield from _until(session, place, {"valid"}, ORDER_POLLS, ORDER_PAUSE)
    chain = yield from session.post(text(state, "certificate"), None)
    if not chain.body.startswith(b"-----BEGIN CERTIFICATE-----"):
        raise AnswerError("the ACME server's certificate is not PEM")
    return chain.body.strip() + b"\n"


def make_order(key: keys.PrivateKey, names: Sequence[str]) -> OrderRequest:
    """Return the order of a certificate for a key; the first name is the subject."""
    request = csr.make(key, names[0], names)
    return OrderRequest([identifier(name) for name in names], request.public_bytes(Encoding.DER))


def identifier(name: str) -> tuple[str, str]:
    """Return a DNS name, a wildcard or an IP address as an order has it. Raises ValueError."""
    found = csr.general_name(name)
    if isinstance(found, x509.IPAddress):
        return "ip", str(found.value)
    if isinstance(found, x509.DNSName):
        return "dns", found.value
    raise ValueError(f"'{name}' cannot be proved by ACME: only DNS names and IP addresses can")


def _order(session: Session, wanted: OrderRequest) -> Flow[tuple[str, dict[str, Any]]]:
    payload: dict[str, Any] = {
        "identifiers": [{"type": kind, "value": value} for kind, value in wanted.identifiers]
    }
    if wanted.not_before:
        payload["notBefore"] = wanted.not_before
    if wanted.not_after:
        payload["notAfter"] = wanted.not_after
    answer = yield from session.post((yield from session.url("newOrder")), payload)
    return answer.headers.get("location", ""), members(answer)


def _authorize(session: Session, url: str, order: OrderRequest) -> Flow[None]:
    """Answers one challenge of the order's kind and waits for the verdict.

    Only ordered names are proven: a client that answered challenges for any name of the server's
    choice would put records into zones, and prove names, for that server.
    """
    found = members((yield from session.post(url, None)))
    if found.get("status") == "valid":
        return
    kind, name = order.challenge, str(found.get("identifier", {}).get("value", "")).lower()
    if name not in {value.lower().removeprefix("*.") for _, value in order.identifiers}:
        raise AnswerError("the ACME server asks for a name to be proved that was not ordered")
    offered = [each for each in found.get("challenges", []) if each.get("type") == kind]
    if not offered:
        raise AnswerError(f"the ACME server offers no {kind} challenge for {name}")
    token = text(offered[0], "token")
    thumbprint = jwk.thumbprint(session.key.public_key())
    yield Prove(kind, name, token, challenges.key_authorization(token, thumbprint))
    yield from session.post(text(offered[0], "url"), {})
    yield from _until(session, url, {"valid"}, CHALLENGE_POLLS, CHALLENGE_PAUSE)
    yield Withdraw(name, token)


def _until(
    session: Session, url: str, good: set[str], polls: int, pause: float
) -> Flow[dict[str, Any]]:
    """Return the resource once it has one of the statuses. Raises RefusedError if it is invalid."""
    for _ in range(polls):
        answer = yield from session.post(url, None)
        found = members(answer)
        status = found.get("status")
        if status in good:
            return found
        if status not in {"pending", "processing", "ready"}:
            raise RefusedError(403, _problem(found) or f"the ACME server says {status}")
        wait = answer.headers.get("retry-after", "")
        yield Pause(min(float(wait), MAX_PAUSE) if wait.isdigit() and wait != "0" else pause)
    raise AnswerError("the ACME server took too long to decide")


def _problem(found: dict[str, Any]) -> str:
    """Return the reason that an order or an authorization gives for being invalid."""
    for holder in (found, *found.get("challenges", [])):
        error = holder.get("error")
        if isinstance(error, dict):
            return str(cast("dict[str, Any]", error).get("detail", ""))
    return ""
