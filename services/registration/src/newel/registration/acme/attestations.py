"""The attestation that proved the device of an order, as finalization needs it."""

from typing import Any, NamedTuple

import msgspec

from newel.acme.attestation import objects
from newel.crypto import csr
from newel.crypto.reader.certificates import Certificate, parse_certificate
from newel.registration.acme import requests
from newel.registration.acme.records import Claim
from newel.registration.acme.storage import Storage
from newel.registration.challenges.device_attest_01 import read_object
from newel.registration.inquiry import Proof
from newel.runtime.errors import ErrorType, NewelError


class _Statement(msgspec.Struct):
    x5c: objects.Chain


class AttestedDevice(NamedTuple):
    """A device, and the certificate that attested it."""

    identifier: str
    certificate: Certificate
    """Of the attested key, or of the TPM's attestation key; it was verified with the challenge."""


async def find_device(
    storage: Storage, claim: Claim, request: csr.VerifiedRequest
) -> AttestedDevice | None:
    """Return the device that an order is for; None for an order of names or addresses.

    Raises ``badCSR`` unless the key of the CSR is the one that was attested.
    """
    device = claim.identifiers[0]
    if not device.is_device:
        return None
    found = await storage.attestation(claim.order_id)
    if found is None:
        raise NewelError(
            ErrorType.ORDER_NOT_READY, "the authorization of the device is not valid any more"
        )
    if requests.key_thumbprint(request) != found.key:
        raise requests.bad_csr("the key of the CSR is not the one that the device attested")
    statement = read_object(found.payload).statement
    chain = objects.convert(statement, _Statement, "the statement").x5c
    return AttestedDevice(device.value, parse_certificate(chain[0]))


def prove(subject: str, device: AttestedDevice | None, *, for_template: bool) -> Proof:
    """Return what templates and webhooks see of an order: of a device, its identifier and certificate.

    The template language is imported only where a provisioner has a template or webhooks.
    """
    if device is None:
        return Proof(subject)
    return Proof(
        subject,
        template_data=_present(device) if for_template else {},
        certificate=device.certificate.der,
        permanent_identifier=device.identifier,
    )


def _present(device: AttestedDevice) -> dict[str, Any]:
    from newel.certtemplates import credentials, variables
    from newel.gotemplate.values import Slice

    name = variables.san("permanentIdentifier", device.identifier)
    return {
        "SANs": Slice([name], "[]x509util.SubjectAlternativeName"),
        "AuthorizationCrt": credentials.x509_chain([device.certificate])[0],
    }
