"""``/ssh/revoke``: by a token of a provisioner, or of the certificate's own key, whose subject is the serial."""

import re
from dataclasses import dataclass

from newel.registration.audit_trail import Decision
from newel.registration.errors import forbidden_error, malformed_error
from newel.registration.issuance import RevocationRequest
from newel.registration.one_time import use_once
from newel.registration.provisioners.grant import TokenUse
from newel.registration.provisioners.provisioner import Provisioner
from newel.registration.provisioners.sshpop import SSHPOPProvisioner
from newel.registration.ssh.renewal import SSHRenewService
from newel.registration.step.credentials import require_standing
from newel.registration.step.revocation import (
    MAX_REASON_TEXT,
    read_reason,
    require_owner,
    require_subject,
    translate_error,
    unknown_serial_error,
)
from newel.registration.step.signing import read_token
from newel.runtime.errors import NewelError
from newel.step.audiences import Method
from newel.step.ssh_messages import SSHRevokeRequest
from newel.step.tokens import UnverifiedToken

_SERIAL = re.compile(r"[0-9]{1,20}", re.ASCII)
KEY_COMPROMISE = 1  # RFC 5280 §5.3.1


@dataclass(frozen=True, slots=True)
class SSHRevokeService:
    """Decides on ``/ssh/revoke``."""

    renewals: SSHRenewService
    active_revocation: bool

    async def revoke(self, body: SSHRevokeRequest, request_id: str) -> Decision:
        """Revoke one certificate. Raises NewelError.

        1. the body; 2. the token, which names the serial number; 3. the record, and whether its
        provisioner may revoke it; 4. the token is used up; 5. the issuing authority.
        """
        serial = _read_serial(body.serial or "")
        reason = read_reason(body)
        if not body.ott:
            raise malformed_error("missing ott")
        token = read_token(body.ott)
        own = self.renewals
        provisioner = await own.authority.find_provisioner(token)
        use, actor = await self._authorize(provisioner, token, serial, reason)
        record = await own.issuance.find(serial)
        if record is None:
            raise unknown_serial_error(serial)
        owner = own.authority.provisioners.by_certificate(record.provisioner)
        if not isinstance(provisioner, SSHPOPProvisioner):  # that one has the certificate's own key
            require_owner(provisioner, owner, record.provisioner, serial)
        octets = serial.to_bytes(8)
        await use_once(own.used, use, octets, own.clock.now())
        own.used.finish(use)
        active = owner.active_revocation if owner else self.active_revocation
        revocation = RevocationRequest(
            serial=octets,
            reason=reason,
            reason_text=(body.reason or "")[:MAX_REASON_TEXT],
            active=active,
            actor=f"token:{actor}",
            provisioner=provisioner.name,
            request_id=request_id,
        )
        try:
            await own.issuance.revoke(revocation)
        except NewelError as error:
            raise translate_error(error, serial) from error
        return Decision("ssh-revoke", {"provisioner": provisioner.name, "active": active})

    async def _authorize(
        self, provisioner: Provisioner, token: UnverifiedToken, serial: int, reason: int
    ) -> tuple[TokenUse, str]:
        """Verify the token, which must be good for the reason. Returns its use, and who revokes."""
        own = self.renewals
        now = own.clock.now()
        if isinstance(provisioner, SSHPOPProvisioner):
            proof = provisioner.prove(token, own.rules, Method.SSH_REVOKE, now, own.keys.trusted)
            own_serial = str(proof.certificate.serial)
            if proof.subject != own_serial:
                raise forbidden_error(
                    f'token subject "{proof.subject[:64]}" and sshpop certificate serial number'
                    f' "{own_serial}" do not match'
                )
            require_subject(proof.subject, serial)
            return proof.use, proof.subject
        grant = provisioner.authorize_ssh_revoke(token, own.rules, now)
        if grant.certificate:
            if reason == KEY_COMPROMISE:
                # A client proves no possession of the key that it has certified for SSH: it may be that
                # of another's certificates, and these would be revoked with it.
                raise forbidden_error(
                    "only the certificate's own key (an SSHPOP token) or a token of a JWK or OIDC"
                    " provisioner can call the key of an SSH certificate compromised"
                )
            await require_standing(grant.certificate, own.authority.trust, own.authority.issuance)
        if grant.serial is not None:
            require_subject(grant.serial, serial)
        return grant.use, grant.actor or grant.serial or ""


def _read_serial(text: str) -> int:
    if not text:
        raise malformed_error("missing serial")
    if not _SERIAL.fullmatch(text) or not 0 < (value := int(text)) < 1 << 64:
        raise malformed_error(f"'{text[:64]}' is not a valid serial number of an SSH certificate")
    return value
