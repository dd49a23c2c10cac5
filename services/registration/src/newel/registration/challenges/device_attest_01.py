"""device-attest-01 (draft-ietf-acme-device-attest): the device's hardware attests a key and the device."""

import msgspec

from newel.acme import messages
from newel.acme.attestation import formats, objects
from newel.acme.attestation.errors import AttestationError
from newel.acme.attestation.proof import AttestationProof
from newel.jose import base64url, jwk
from newel.jose.errors import InvalidKeyError, MalformedError
from newel.registration.challenges.validation import Validation
from newel.runtime.clock import Clock
from newel.runtime.errors import ErrorType, NewelError, Subproblem

_MAX_SHOWN = 256
_payload = msgspec.json.Decoder(messages.DeviceAttestation)


class DeviceAttest01Validator:
    """Verifies the attestation object of the answer under the formats and roots of the provisioner."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    async def __call__(self, validation: Validation) -> bytes:
        """Validate one challenge and return the thumbprint of the attested key.

        Raises ``badAttestationStatement``, with a subproblem for the identifier; ``unavailable`` when
        the list of revoked keys cannot be fetched.
        """
        try:
            attested = await self._verify(validation)
            thumbprint = jwk.thumbprint(attested.key)
        except (AttestationError, InvalidKeyError) as error:
            raise _refuse(validation, str(error)) from None
        if validation.identifier.value not in attested.identifiers:
            named = (
                ", ".join(repr(each[:_MAX_SHOWN]) for each in attested.identifiers) or "no device"
            )
            raise _refuse(
                validation,
                f"the attestation names {named}, not {validation.identifier.value!r}",
                ErrorType.REJECTED_IDENTIFIER,
            )
        return thumbprint

    async def _verify(self, validation: Validation) -> AttestationProof:
        provisioner = validation.provisioner
        attestation = read_object(validation.payload)
        if attestation.format not in provisioner.attestation_formats:
            raise AttestationError(
                f"the format {attestation.format[:32]!r} is not one of"
                f" {', '.join(provisioner.attestation_formats)}, which this provisioner accepts"
            )
        roots = provisioner.attestation_roots(attestation.format)
        if not roots:
            raise AttestationError(
                f"this provisioner has no roots for the format {attestation.format!r}"
                " (attestationRoots)"
            )
        revoked = frozenset[str]()
        if attestation.format == formats.ANDROID_KEY and provisioner.android_status is not None:
            revoked = await provisioner.android_status.serials(self._clock.unix())
        return formats.verify(
            attestation,
            roots,
            token=validation.token,
            authorization=validation.authorization,
            now=self._clock.now(),
            revoked=revoked,
        )


def read_object(payload: bytes) -> objects.AttestationObject:
    """Read the attestation object of an answer, unverified. Raises AttestationError."""
    answer = _payload.decode(payload)
    if answer.error:
        raise AttestationError(f"the client says: {answer.error[:_MAX_SHOWN]}")
    if not answer.att_obj:
        raise AttestationError("the answer has no attestation object (attObj)")
    try:
        return objects.parse_object(base64url.decode(answer.att_obj, "attObj"))
    except MalformedError as error:
        raise AttestationError(str(error)) from None


def _refuse(
    validation: Validation,
    detail: str,
    kind: ErrorType = ErrorType.BAD_ATTESTATION_STATEMENT,
) -> NewelError:
    identifier = validation.identifier
    return NewelError(
        ErrorType.BAD_ATTESTATION_STATEMENT,
        f"device-attest-01: {detail}",
        subproblems=[Subproblem(kind, detail, identifier.type, identifier.value)],
    )
