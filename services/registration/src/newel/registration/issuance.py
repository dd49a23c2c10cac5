"""What the registration authority asks of the issuing authority, and how names are spelled there."""

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Protocol

from newel.crypto.extensions import MUST_STAPLE, TLS_FEATURE, Extension
from newel.crypto.names import DnsName, EmailAddress, GeneralName, IpAddress
from newel.proto.issuing.v1 import issuing_pb2 as pb
from newel.runtime.errors import ErrorType, NewelError

if TYPE_CHECKING:
    from newel.certtemplates.leaves import Shape


class Issuance(Protocol):
    """What the registration authority asks of the issuing authority. Refusals are NewelErrors."""

    async def issue(self, request: pb.Request) -> pb.Certificate:
        """A new certificate; the same idempotency key always yields the same one."""
        ...

    async def renew(self, renewal: pb.Renewal) -> pb.Certificate:
        """A successor of a certificate whose octets are those of the record."""
        ...

    async def revoke(self, item: pb.RevocationItem) -> None:
        """Revokes one certificate."""
        ...

    async def find(self, lookup: pb.Lookup) -> pb.Record | None:
        """The record of a certificate, None when there is none."""
        ...

    async def issuers(self) -> Sequence[pb.Issuer]:
        """Every issuer with its chain and root."""
        ...


def put_must_staple(message: pb.Request, asked: Iterable[Extension]) -> None:
    """Has the certificate say that it is shown with its status (RFC 7633), if its request asks so.

    Raises ``badCSR`` for other TLS features: what a server cannot know of is not certified.
    """
    for each in asked:
        if each.oid != TLS_FEATURE:
            continue
        if each.value != MUST_STAPLE.value:
            raise NewelError(
                ErrorType.BAD_CSR, "of the TLS features only status_request (5) is given here"
            )
        if all(given.oid != TLS_FEATURE for given in message.extensions):
            message.extensions.append(pb.Extension(oid=TLS_FEATURE, value=each.value))


def apply_template(message: pb.Request, made: "Shape") -> None:
    """What a template made, in place of the subject and names that stand in the message."""
    message.ClearField("subject")
    message.ClearField("names")
    message.subject.extend(pb.Attribute(oid=each.oid, value=each.text) for each in made.subject)
    message.names.extend(map(general_name, made.names))
    message.key_usages.extend(made.key_usages)
    message.extended_key_usages.extend(made.purposes)
    message.extensions.extend(
        pb.Extension(oid=each.oid, critical=each.critical, value=each.value)
        for each in made.extensions
    )


def general_name(name: GeneralName) -> pb.GeneralName:
    """A name as the contract spells it."""
    if isinstance(name, DnsName):
        return pb.GeneralName(dns=name.value)
    if isinstance(name, IpAddress):
        return pb.GeneralName(ip=name.value.packed)
    if isinstance(name, EmailAddress):
        return pb.GeneralName(email=name.value)
    return pb.GeneralName(uri=name.value)
