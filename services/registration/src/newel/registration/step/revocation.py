"""``/revoke``: by a token whose subject is the serial, or by the certificate's own key over TLS."""

import re
from dataclasses import dataclass

from newel.proto.issuing.v1 import issuing_pb2 as pb
from newel.registration.errors import forbidden, malformed
from newel.registration.issuance import Issuance
from newel.registration.one_time import UsedTokens, use_once
from newel.registration.provisioners.provisioner import Provisioner, TokenRules
from newel.registration.step.peer import Peer
from newel.registration.step.signing import Current, read_token
from newel.runtime.clock import Clock
from newel.runtime.errors import ErrorType, NewelError
from newel.step.messages import RevokeRequest

_SERIAL = re.compile(r"[0-9]{1,60}|0[xX][0-9A-Fa-f]{1,48}", re.ASCII)
_LONGEST_SERIAL = 20  # octets, RFC 5280 §4.1.2.2
_REASONS = range(11)
_ILLEGAL_REASONS = frozenset({7, 8})  # unused; removeFromCRL is for delta CRLs alone
_LONGEST_REASON = 256


@dataclass(frozen=True, slots=True)
class RevokeResult:
    """What was revoked, and by whom, for the audit trail."""

    serial: str
    provisioner: str
    actor: str
    active: bool


@dataclass(frozen=True, slots=True)
class RevokeService:
    """Decides on ``/revoke``."""

    current: Current
    rules: TokenRules
    used: UsedTokens
    issuance: Issuance
    clock: Clock
    active_revocation: bool

    async def revoke(self, body: RevokeRequest, peer: Peer | None, request_id: str) -> RevokeResult:
        """Revokes one certificate, or raises the refusal.

        1. the body; 2. the token or the TLS certificate, whose serial must be the body's; 3. the
        record: the certificate exists and is the asker's to revoke; 4. the token is used up; 5. the
        issuing authority. ``passive`` is what step always sends; whether the revocation is also
        published is for the provisioner that let the certificate through to say.
        """
        serial = read_serial(body.serial or "")
        reason = body.reason_code or 0
        if reason not in _REASONS or reason in _ILLEGAL_REASONS:
            raise malformed("reasonCode out of bounds")
        if not body.passive:
            raise NewelError(ErrorType.NOT_IMPLEMENTED, "", cause="non-passive revocation")
        item = pb.RevocationItem(
            serial=serial.to_bytes((serial.bit_length() + 7) // 8 or 1, "big"),
            reason=reason,
            reason_text=(body.reason or "")[:_LONGEST_REASON],
            request_id=request_id,
        )
        if body.ott:
            owner = await self._by_token(body, serial, item)
        elif peer is not None:
            owner = await self._by_certificate(peer, serial, item)
        else:
            raise malformed("missing ott or client certificate")
        active = owner.active_revocation if owner else self.active_revocation
        item.active = active
        try:
            await self.issuance.revoke(item)
        except NewelError as error:
            raise _worded(error, serial) from error
        return RevokeResult(str(serial), item.provisioner, item.actor, active)

    async def _by_token(
        self, body: RevokeRequest, serial: int, item: pb.RevocationItem
    ) -> Provisioner | None:
        token = read_token(body.ott or "")
        provisioners = self.current.provisioners
        provisioner = provisioners.of_token(token)
        grant = provisioner.authorize_revoke(token, self.rules, self.clock.unix())
        if grant.serial != str(serial):
            raise forbidden(
                f'request serial number "{serial}" and token subject "{grant.serial[:128]}" do not'
                " match"
            )
        record = await self.issuance.find(pb.Lookup(serial=item.serial))
        if record is None:
            raise _unknown(serial)
        own = record.provisioner
        owner = provisioners.of_certificate(own.type, own.name, own.credential_id)
        if owner is not provisioner and not provisioner.revokes_any:
            raise forbidden(
                f"certificate with serial number '{serial}' is not this provisioner's to revoke",
                cause=f"{provisioner.name!r} asked for a certificate of {own.name!r}",
            )
        await use_once(self.used, grant.use, item.serial, self.clock.unix())
        self.used.finish(grant.use)
        item.actor = f"token:{grant.proof.subject}"
        item.provisioner = provisioner.name
        return owner

    async def _by_certificate(
        self, peer: Peer, serial: int, item: pb.RevocationItem
    ) -> Provisioner | None:
        if peer.certificate.serial_number != serial:
            raise forbidden(
                f'request serial number "{serial}" and certificate serial number'
                f' "{peer.serial}" do not match'
            )
        record = await self.issuance.find(pb.Lookup(certificate=peer.der))
        if record is None:
            raise _unknown(serial)
        own = record.provisioner
        item.certificate = peer.der
        item.actor = f"mtls:{peer.serial}"
        item.provisioner = own.name
        return self.current.provisioners.of_certificate(own.type, own.name, own.credential_id)


def read_serial(text: str) -> int:
    """A serial as clients write it: decimal, or hexadecimal after ``0x``. Raises the refusal."""
    if not text:
        raise malformed("missing serial")
    if not _SERIAL.fullmatch(text) or (
        value := int(text, 0 if text[1:2] in {"x", "X"} else 10)
    ) >> (8 * _LONGEST_SERIAL):
        raise malformed(
            f"'{text[:64]}' is not a valid serial number - use a base 10 representation or a base 16"
            " representation with '0x' prefix"
        )
    return value


def _unknown(serial: int) -> NewelError:
    return NewelError(
        ErrorType.NOT_FOUND,
        f"certificate with serial number '{serial}' was not found",
    )


def _worded(error: NewelError, serial: int) -> NewelError:
    if error.type is ErrorType.ALREADY_REVOKED:
        detail = f"certificate with serial number '{serial}' is already revoked"
        return NewelError(error.type, detail, cause=error.cause)
    return _unknown(serial) if error.type is ErrorType.NOT_FOUND else error
