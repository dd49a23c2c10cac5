"""Revocation (RFC 8555 §7.6): who may revoke, and for which reason."""

from collections.abc import Sequence

from cryptography import x509

from newel.acme.identifiers import Identifier
from newel.crypto import loading
from newel.crypto.keys import PublicKey
from newel.jose import jwk
from newel.registration.acme import identifiers, ids, issuance
from newel.registration.acme.calls import Call
from newel.registration.acme.preauthorizations import match
from newel.registration.acme.server import Server
from newel.registration.audit_trail import Decision
from newel.registration.issuance import CertificateRecord, RevocationRequest
from newel.runtime.errors import ErrorType, NewelError
from newel.runtime.request_id import request_id

KEY_COMPROMISE = 1
REASONS = frozenset({0, KEY_COMPROMISE, 3, 4, 5, 9})
"""unspecified, keyCompromise, affiliationChanged, superseded, cessationOfOperation, privilegeWithdrawn:
the reasons a subscriber can give for a leaf (RFC 5280 §5.3.1)."""


async def revoke(server: Server, call: Call, der: bytes, reason: int) -> Decision:
    """Revoke a certificate at once. Raises NewelError.

    1. it must be one of this authority, octet by octet; 2. the request is signed by its own key, by the
    account that ordered it, or by an account that proved all of its names; 3. that signer may give this
    reason; 4. the nonce is used; 5. the issuing authority records the revocation, or answers that it has:
    keyCompromise can still be added to a revocation for another reason.
    """
    leaf = _parse(der)
    record = await server.issuance.find(der=der)
    if record is None:
        raise NewelError(ErrorType.NOT_FOUND, "the certificate is not one of this authority")
    actor = await _authorize(server, call, leaf, record)
    if reason not in REASONS:
        raise _bad_reason("the reason cannot be given for a certificate")
    if reason == KEY_COMPROMISE and actor.endswith("by authorizations"):
        raise _bad_reason("only its key or its account can call a key compromised")
    await call.commit()
    await server.issuance.revoke(
        RevocationRequest(
            certificate=der,
            reason=reason,
            active=call.provisioner.active_revocation,
            actor=actor,
            provisioner=call.provisioner.name,
            request_id=request_id(),
        )
    )
    serial = f"{leaf.serial_number:x}"
    facts = {"serial": serial, "reason": reason, "actor": actor, **call.facts()}
    return Decision("acme.revoke", facts)


async def _authorize(
    server: Server, call: Call, leaf: x509.Certificate, record: CertificateRecord
) -> str:
    """Return the actor for the record of the revocation. Raises ``forbidden``."""
    if call.signer is None:
        key = loading.read_public_key(leaf)
        if not isinstance(key, PublicKey) or jwk.thumbprint(key) != call.thumbprint:
            raise _forbidden_error()
        return "acme:certificate key"
    account = call.signer.id
    mine = issuance.subject_of_proof(call.provisioner.name, account)
    if record.provisioner.type == "ACME" and record.subject_of_proof == mine:
        return f"acme:{mine}"
    if await _proves(server, call, account, _identifiers(leaf)):
        return f"acme:{mine} by authorizations"
    raise _forbidden_error()


async def _proves(server: Server, call: Call, account: bytes, wanted: Sequence[Identifier]) -> bool:
    """Tell whether the account has proved all of these, in its orders or in advance."""
    held = await call.storage.preauthorizations(account, call.now, server.limits.preauthorizations)
    proved = match(held, wanted, subdomains=True)
    rest = [each for each in wanted if each not in proved]
    since = ids.floor(call.now - server.limits.order_lifetime)
    if proved and not rest:
        return True
    return await call.storage.proves(account, since, rest, call.now)


def _identifiers(leaf: x509.Certificate) -> list[Identifier]:
    """List the identifiers to prove; an empty list, which proves nothing, if any name is of another kind."""
    found = identifiers.of_certificate(leaf)
    known = [each for each in found if each is not None]
    return known if len(known) == len(found) else []


def _parse(der: bytes) -> x509.Certificate:
    try:
        return loading.load_certificate(der)
    except loading.CertificateError as error:
        raise NewelError(
            ErrorType.MALFORMED, "the certificate is not DER of X.509", cause=str(error)
        ) from None


def _forbidden_error() -> NewelError:
    return NewelError(
        ErrorType.FORBIDDEN, "neither this account nor this key may revoke the certificate"
    )


def _bad_reason(detail: str) -> NewelError:
    return NewelError(ErrorType.BAD_REVOCATION_REASON, detail)
