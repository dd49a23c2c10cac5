"""Steps 3 and 4 of SSH issuance, and step 7: serial number, statement, certificate."""

from collections.abc import Callable

from cryptography.exceptions import InvalidSignature

from newel.crypto.ssh import certificate_body, certificates, signatures
from newel.crypto.ssh.certificate_body import Body
from newel.crypto.ssh.wire import WireError, string
from newel.issuing.assembly import WrongSignatureError
from newel.issuing.records import Intent
from newel.issuing.ssh.issuers import SSHIssuer
from newel.issuing.ssh.requests import AcceptedSSHRequest

SERIAL_OCTETS = 8


class SSHBuilder:
    """Builds what the signer signs. ``entropy`` returns that many unpredictable octets."""

    def __init__(self, entropy: Callable[[int], bytes]) -> None:
        self._entropy = entropy

    def draw_serial(self, now: float) -> bytes:  # noqa: ARG002 - serials of X.509 begin with the time
        """Draw 64 random bits; 0, which ssh-keygen writes for none, becomes 1."""
        drawn = self._entropy(SERIAL_OCTETS)
        return drawn if any(drawn) else (1).to_bytes(SERIAL_OCTETS)

    def build(self, request: AcceptedSSHRequest, serial: bytes) -> Intent:
        """Build the certificate as it will be signed: the intent to be recorded."""
        asked, issuer = request.request, request.issuer
        kind = issuer.type
        body = Body(
            key=asked.public_key,
            serial=int.from_bytes(serial),
            holder=certificate_body.holder(kind, asked.key_id, asked.principals),
            valid_after=int(asked.valid_after.timestamp()),
            valid_before=int(asked.valid_before.timestamp()),
            rights=certificate_body.rights(asked.critical_options, asked.extensions),
        )
        return Intent(
            idempotency_key=request.idempotency_key,
            serial=serial,
            issuer=issuer.id,
            profile=kind,
            tbs=body.encode(issuer.wire, self._entropy(certificate_body.NONCE)),
            not_after=asked.valid_before,
            key_digest=request.key_digest,
            provisioner=asked.provisioner,
            subject_of_proof=asked.subject_of_proof,
            renewed_from=request.renewed_from,
            created_at=request.accepted_at,
            max_signature_size=issuer.max_signature_size,
            request_id=request.request_id,
            proved_by=request.renewed_from,
        )


def assemble_ssh(issuer: SSHIssuer, intent: Intent, signature: bytes) -> bytes:
    """Assemble the certificate of an intent, in wire form. Raises WrongSignatureError.

    The signature is verified with the issuer's own key, and the certificate is parsed again: it must be
    one of this serial number, by this key.
    """
    try:
        signatures.verify(issuer.public_key, signature, intent.tbs)
        whole = intent.tbs + string(signature)
        parsed = certificates.parse(whole)
    except (InvalidSignature, WireError):
        raise WrongSignatureError(f"issuer {issuer.id}: the signature does not verify") from None
    if parsed.serial != int.from_bytes(intent.serial) or parsed.signature_key != issuer.wire:
        raise WrongSignatureError(
            f"issuer {issuer.id}: the certificate does not hold what was recorded"
        )
    return whole
