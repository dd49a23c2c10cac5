"""What the issuing authority is asked for: one certificate per order."""

import datetime as dt
from typing import TYPE_CHECKING

from google.protobuf.timestamp_pb2 import Timestamp

from newel.crypto import csr, distinguished_names, pem
from newel.proto.issuing.v1 import issuing_pb2 as pb
from newel.registration.acme import ids, requests, validity
from newel.registration.acme.identifiers import general_name
from newel.registration.acme.records import Claim
from newel.registration.errors import misconfigured
from newel.registration.issuance import Issuance, apply_template, put_must_staple
from newel.registration.issuance import general_name as in_contract
from newel.registration.provisioners.acme import ACMEProvisioner
from newel.runtime.errors import ErrorType, NewelError
from newel.runtime.request_id import request_id

if TYPE_CHECKING:
    from newel.certtemplates.leaves import Shape
    from newel.registration.provisioners.templates import LeafTemplate


class Chains:
    """What follows a leaf, by issuer: remembered until ``forget``, which a changed trust calls.

    The issuer's own certificate never changes, its id being its digest; what stands above it may.
    """

    def __init__(self, issuance: Issuance) -> None:
        self._issuance = issuance
        self._pem: dict[str, bytes] = {}

    def forget(self) -> None:
        """Lets go of every chain: they are asked for again."""
        self._pem.clear()

    async def chain(self, issuer: str) -> bytes:
        """The issuer's certificate and those above it up to the root, as PEM."""
        if issuer not in self._pem:
            for known in await self._issuance.issuers():
                self._pem[known.id] = b"".join(map(pem.encode, known.chain))
        found = self._pem.get(issuer)
        if found is None:
            raise NewelError(ErrorType.SERVER_INTERNAL, "", cause=f"no issuer {issuer!r}")
        return found


def proof(provisioner: str, account: bytes) -> str:
    """Whom the records of the issuing authority name as the one who proved: the account's path."""
    return f"acme/{provisioner}/account/{ids.text(account)}"


def build_issue_request(
    claim: Claim, request: csr.VerifiedRequest, provisioner: ACMEProvisioner, now: dt.datetime
) -> pb.Request:
    """The order and the key of its CSR. Of the CSR nothing else goes on but a DNS common name, and what
    the provisioner's template takes of it. Raises the refusal.
    """
    validity.check_length(claim.not_before, claim.not_after, now.timestamp(), provisioner)
    force = provisioner.force_common_name
    name = requests.common_name(request, claim.identifiers, force=force)
    message = pb.Request(
        # the same order always yields the same certificate, however often it is asked for
        idempotency_key=claim.order_id,
        profile=provisioner.profile,
        public_key=request.spki,
        subject=[pb.Attribute(oid=distinguished_names.COMMON_NAME, value=name)] if name else [],
        names=[in_contract(general_name(identifier)) for identifier in claim.identifiers],
        not_before=None if claim.not_before is None else Timestamp(seconds=claim.not_before),
        not_after=_not_after(claim),
        usual_validity_seconds=max(1, int(provisioner.limits.default_duration.total_seconds())),
        provisioner=provisioner.statement(""),
        subject_of_proof=proof(provisioner.name, claim.account),
        request_id=request_id(),
    )
    if provisioner.template is not None:
        apply_template(message, _shape(claim, request, provisioner.template, name or "", now))
    put_must_staple(message, request.extensions)
    return message


def _shape(
    claim: Claim,
    request: csr.VerifiedRequest,
    template: "LeafTemplate",
    subject: str,
    now: dt.datetime,
) -> "Shape":
    """What the template makes: never a name that the order did not prove."""
    from newel.registration.provisioners.templates import TemplateInput

    proved = [general_name(identifier) for identifier in claim.identifiers]
    made = template.shape(TemplateInput(subject, [str(each) for each in proved], request), now)
    strange = [str(each) for each in made.names if each not in proved]
    if strange:
        raise misconfigured(
            f"the certificate template adds {strange[0]}, which the order did not prove"
        )
    return made


def _not_after(claim: Claim) -> Timestamp | None:
    return None if claim.not_after is None else Timestamp(seconds=claim.not_after)
