"""The request to the issuing authority for an order: one certificate each."""

import datetime as dt
from collections.abc import Sequence

from newel.acme.renewal_info import CertificateID
from newel.crypto import csr, distinguished_names, extensions, keys
from newel.crypto.distinguished_names import Attribute
from newel.crypto.keys import PublicKey
from newel.registration.acme import attestations, ids, requests, validity
from newel.registration.acme.attestations import AttestedDevice
from newel.registration.acme.identifiers import general_name
from newel.registration.acme.records import Claim
from newel.registration.content import Content
from newel.registration.errors import misconfiguration_error
from newel.registration.issuance import Issuance, IssueRequest
from newel.registration.provisioners.acme import ACMEProvisioner
from newel.registration.webhooks.errors import WebhookRefusedError, as_acme_error
from newel.runtime.errors import ErrorType, NewelError
from newel.runtime.request_id import request_id


def subject_of_proof(provisioner: str, account: bytes) -> str:
    """Name an account in the records of the issuing authority: the path of its URL."""
    return f"acme/{provisioner}/account/{ids.text(account)}"


def build_issue_request(
    claim: Claim, request: csr.VerifiedRequest, provisioner: ACMEProvisioner, now: dt.datetime
) -> IssueRequest:
    """Ask for the names of an order and the key of its CSR. Raises NewelError.

    Nothing else of the CSR is used but a DNS common name. A device authenticates with its certificate and
    is no server, so it gets the usages of a client.
    """
    of_device = claim.identifiers[0].is_device
    validity.check_duration(claim.not_before, claim.not_after, now, provisioner)
    force = provisioner.force_common_name
    name = requests.common_name(request, claim.identifiers, force=force)
    return IssueRequest(
        # the same order always yields the same certificate, however often it is requested
        idempotency_key=claim.order_id,
        profile=provisioner.profile,
        public_key=request.spki,
        subject=(distinguished_names.common_name(name),) if name else (),
        names=tuple(map(general_name, claim.identifiers)),
        key_usages=("digitalSignature",) if of_device else (),
        extended_key_usages=(extensions.CLIENT_AUTH,) if of_device else (),
        not_before=claim.not_before,
        not_after=claim.not_after,
        default_duration=provisioner.limits.default_duration,
        provisioner=provisioner.reference(),
        subject_of_proof=subject_of_proof(provisioner.name, claim.account),
        replaces=CertificateID.parse(claim.replaces).serial_octets if claim.replaces else b"",
        request_id=request_id(),
    )


async def determine_content(
    claim: Claim,
    request: csr.VerifiedRequest,
    provisioner: ACMEProvisioner,
    now: dt.datetime,
    device: AttestedDevice | None,
    defaults: Sequence[Attribute] = (),
) -> Content:
    """Determine what is issued for an order, by its provisioner's webhooks and template.

    Neither may add a name that the order did not prove. Raises NewelError.
    """
    message = build_issue_request(claim, request, provisioner, now)
    subject = next((each.value for each in message.subject), "")  # the common name, if any
    is_shown = provisioner.template is not None or provisioner.webhooks is not None
    proof = attestations.prove(subject, device, for_template=is_shown)
    content = Content(provisioner, request, proof, message, now)
    try:
        await content.determine(defaults)
    except WebhookRefusedError as error:
        raise as_acme_error(error) from None
    unproved = [str(each) for each in content.message.names if each not in message.names]
    if unproved:
        raise misconfiguration_error(
            f"the certificate template adds {unproved[0]}, which the order did not prove"
        )
    return content


async def authorize_content(content: Content) -> None:
    """Ask the authorizing webhooks of an order's provisioner. Raises NewelError."""
    try:
        await content.authorize()
    except WebhookRefusedError as error:
        raise as_acme_error(error) from None


async def require_unblocked(issuing: Issuance, key: PublicKey) -> None:
    """Raise ``badPublicKey`` for an account key that was declared compromised, with or without a certificate."""
    if await issuing.is_blocked(keys.spki(key)):
        raise NewelError(
            ErrorType.BAD_PUBLIC_KEY,
            "this key was declared compromised: make another account key",
            compromised_key=True,
        )
