"""``/revoke``: by a token whose subject is the serial, or by the certificate's own key over TLS."""

import re
from dataclasses import dataclass
from typing import NamedTuple

from newel.registration.audit_trail import Decision
from newel.registration.authority import Authority
from newel.registration.errors import forbidden_error, malformed_error
from newel.registration.issuance import Issuance, ProvisionerRef, RevocationRequest
from newel.registration.one_time import use_once
from newel.registration.provisioners.provisioner import Provisioner, TokenRules
from newel.registration.step.credentials import require_standing
from newel.registration.step.peer import Peer
from newel.registration.step.signing import read_token
from newel.registration.storage import UsedTokenTable
from newel.runtime.clock import Clock
from newel.runtime.errors import ErrorType, NewelError
from newel.step.messages import RevokeRequest
from newel.step.ssh_messages import SSHRevokeRequest

_SERIAL = re.compile(r"[0-9]{1,60}|0[xX][0-9A-Fa-f]{1,48}", re.ASCII)
_MAX_SERIAL = 20  # octets, RFC 5280 §4.1.2.2
_REASONS = frozenset(range(11)) - {7, 8}  # 7 is unused; removeFromCRL is for delta CRLs alone
MAX_REASON_TEXT = 256


class _Revoker(NamedTuple):
    """Who revokes, and the provisioner that admitted the certificate, if it still exists."""

    actor: str
    provisioner: str
    owner: Provisioner | None


@dataclass(frozen=True, slots=True)
class RevokeService:
    """Decides on ``/revoke``."""

    authority: Authority
    rules: TokenRules
    used: UsedTokenTable
    issuance: Issuance
    clock: Clock
    active_revocation: bool

    async def revoke(self, body: RevokeRequest, peer: Peer | None, request_id: str) -> Decision:
        """Revoke one certificate. Raises NewelError.

        1. the body; 2. the token or the TLS certificate, whose serial must be the body's; 3. the
        record: the certificate exists and the requester may revoke it; 4. the token is used up; 5. the
        issuing authority. step always sends ``passive``; whether the revocation is also published is
        configured for the provisioner that admitted the certificate.
        """
        serial = read_serial(body.serial or "")
        reason = read_reason(body)
        if body.ott:
            revoker = await self._authorize_token(body.ott, serial)
        elif peer is not None:
            revoker = await self._authorize_peer(peer, serial)
        else:
            raise malformed_error("missing ott or client certificate")
        owner = revoker.owner
        active = owner.active_revocation if owner else self.active_revocation
        request = RevocationRequest(
            serial=_octets(serial),
            certificate=peer.der if peer is not None and not body.ott else b"",
            reason=reason,
            reason_text=(body.reason or "")[:MAX_REASON_TEXT],
            active=active,
            actor=revoker.actor,
            provisioner=revoker.provisioner,
            request_id=request_id,
        )
        try:
            await self.issuance.revoke(request)
        except NewelError as error:
            raise translate_error(error, serial) from error
        facts = {"provisioner": revoker.provisioner, "actor": revoker.actor, "active": active}
        return Decision("revoke", facts)

    async def _authorize_token(self, ott: str, serial: int) -> _Revoker:
        token = read_token(ott)
        provisioner = await self.authority.find_provisioner(token)
        now = self.clock.now()
        grant = provisioner.authorize_revoke(token, self.rules, now)
        if grant.certificate:
            await require_standing(grant.certificate, self.authority.trust, self.issuance)
        if grant.serial is not None:
            require_subject(grant.serial, serial)
        record = await self.issuance.find(serial=_octets(serial))
        if record is None:
            raise unknown_serial_error(serial)
        owner = self.authority.provisioners.by_certificate(record.provisioner)
        require_owner(provisioner, owner, record.provisioner, serial)
        await use_once(self.used, grant.use, _octets(serial), now)
        self.used.finish(grant.use)
        return _Revoker(f"token:{grant.actor or grant.serial}", provisioner.name, owner)

    async def _authorize_peer(self, peer: Peer, serial: int) -> _Revoker:
        if peer.certificate.serial_number != serial:
            raise forbidden_error(
                f'request serial number "{serial}" and certificate serial number'
                f' "{peer.serial}" do not match'
            )
        record = await self.issuance.find(der=peer.der)
        if record is None:
            raise unknown_serial_error(serial)
        owner = self.authority.provisioners.by_certificate(record.provisioner)
        return _Revoker(f"mtls:{peer.serial}", record.provisioner.name, owner)


def read_reason(body: RevokeRequest | SSHRevokeRequest) -> int:
    """Return the reason of a body (RFC 5280 §5.3.1). Raises NewelError, also for what is not passive."""
    reason = body.reason_code or 0
    if reason not in _REASONS:
        raise malformed_error("reasonCode out of bounds")
    if not body.passive:
        raise NewelError(ErrorType.NOT_IMPLEMENTED, "", cause="non-passive revocation")
    return reason


def require_subject(subject: str, serial: int) -> None:
    """Require that a token's subject is the serial that is to be revoked. Raises ``forbidden``."""
    if subject != str(serial):
        raise forbidden_error(
            f'request serial number "{serial}" and token subject "{subject[:128]}" do not match'
        )


def require_owner(
    provisioner: Provisioner, owner: Provisioner | None, recorded: ProvisionerRef, serial: int
) -> None:
    """Require that a provisioner admitted the certificate, or revokes any. Raises ``forbidden``."""
    if owner is not provisioner and not provisioner.revokes_any:
        raise forbidden_error(
            f"certificate with serial number '{serial}' is not this provisioner's to revoke",
            cause=f"{provisioner.name!r} asked for a certificate of {recorded.name!r}",
        )


def read_serial(text: str) -> int:
    """Parse a serial: decimal, or hexadecimal after ``0x``. Raises ``malformed``."""
    if not text:
        raise malformed_error("missing serial")
    if not _SERIAL.fullmatch(text) or (
        value := int(text, 0 if text[1:2] in {"x", "X"} else 10)
    ) >> (8 * _MAX_SERIAL):
        raise malformed_error(
            f"'{text[:64]}' is not a valid serial number - use a base 10 representation or a base 16"
            " representation with '0x' prefix"
        )
    return value


def _octets(serial: int) -> bytes:
    return serial.to_bytes((serial.bit_length() + 7) // 8 or 1, "big")


def unknown_serial_error(serial: int) -> NewelError:
    """Return the error for a certificate that is not on record."""
    return NewelError(
        ErrorType.NOT_FOUND,
        f"certificate with serial number '{serial}' was not found",
    )


def translate_error(error: NewelError, serial: int) -> NewelError:
    """Give an error of the issuing authority the text that step-ca has for it."""
    if error.type is ErrorType.ALREADY_REVOKED:
        detail = f"certificate with serial number '{serial}' is already revoked"
        return NewelError(error.type, detail, cause=error.cause)
    return unknown_serial_error(serial) if error.type is ErrorType.NOT_FOUND else error
