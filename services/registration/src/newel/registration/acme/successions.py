"""Orders that replace a certificate (RFC 9773 §5): of the same account, and each certificate once."""

from collections.abc import Iterable

from newel.acme.identifiers import Identifier
from newel.acme.renewal_info import CertificateID
from newel.registration.acme import identifiers
from newel.registration.acme.calls import Call, not_found_error
from newel.registration.acme.issuance import subject_of_proof
from newel.registration.acme.records import Claim
from newel.registration.acme.renewal_info import find_certificate
from newel.registration.acme.storage import Storage
from newel.registration.errors import forbidden_error
from newel.registration.issuance import Issuance
from newel.runtime.errors import ErrorType, NewelError


async def check_replaces(
    issuance: Issuance, call: Call, replaces: str | None, wanted: Iterable[Identifier]
) -> str:
    """Return the identifier of the certificate that a new order replaces, ``""`` without one.

    Raises ``malformed`` or ``notFound`` for an identifier of no certificate, ``forbidden`` for one that
    another account ordered or that shares no name with the order, and ``alreadyReplaced``.
    """
    if not replaces:
        return ""
    identifier = CertificateID.parse(replaces)
    found = await find_certificate(issuance, identifier)
    if found is None:
        raise not_found_error()
    record, leaf = found
    mine = subject_of_proof(call.provisioner.name, call.account.id)
    if record.provisioner.type != "ACME" or record.subject_of_proof != mine:
        raise forbidden_error("the certificate to replace is not one that this account ordered")
    if set(identifiers.of_certificate(leaf)).isdisjoint(wanted):
        raise forbidden_error("the certificate to replace has none of the names of the order")
    if await call.storage.is_replaced(identifier.serial_octets):
        raise _already_replaced_error()
    return replaces


async def take_succession(storage: Storage, claim: Claim) -> None:
    """Make the order of a claim the one that replaces its certificate. Raises ``alreadyReplaced``."""
    if claim.replaces:
        serial = CertificateID.parse(claim.replaces).serial_octets
        if not await storage.take_succession(serial, claim.order_id):
            raise _already_replaced_error()


def _already_replaced_error() -> NewelError:
    return NewelError(
        ErrorType.ALREADY_REPLACED, "another order has replaced the certificate already"
    )
