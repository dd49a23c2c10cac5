"""The identifiers of an order: canonical, each once (RFC 8555 §7.1.3, RFC 8738 §3)."""

from collections.abc import Sequence

from cryptography import x509

from newel.acme.identifiers import PERMANENT_IDENTIFIER, Identifier
from newel.crypto import certificate, der, names, oids
from newel.crypto.dns_names import InvalidNameError
from newel.runtime.errors import ErrorType, NewelError, Subproblem

_TYPES = ("dns", "ip", PERMANENT_IDENTIFIER)


def canonical(requested: Sequence[Identifier], max_count: int) -> tuple[Identifier, ...]:
    """Return the identifiers in lower-case A-labels and canonical addresses, without duplicates.

    Raises one error for all invalid identifiers, with a subproblem for each: ``unsupportedIdentifier`` for
    unknown types, ``rejectedIdentifier`` for values no certificate can carry.
    """
    if not requested:
        raise NewelError(ErrorType.MALFORMED, "an order needs an identifier")
    if len(requested) > max_count:
        raise NewelError(ErrorType.MALFORMED, f"an order has at most {max_count} identifiers")
    found: dict[Identifier, None] = {}
    rejected: list[Subproblem] = []
    for identifier in requested:
        try:
            found[_canonical(identifier)] = None
        except NewelError as error:
            shown = (identifier.type[:64], identifier.value[:256])
            rejected.append(Subproblem(error.type, error.detail, *shown))
    if rejected:
        kinds = {part.type for part in rejected}
        raise NewelError(
            kinds.pop() if len(kinds) == 1 else ErrorType.MALFORMED,
            rejected[0].detail if len(rejected) == 1 else "several identifiers cannot be used",
            subproblems=rejected,
        )
    if len(found) > 1 and any(each.is_device for each in found):
        # one key is attested, and the certificate is for it
        raise NewelError(
            ErrorType.MALFORMED, "the identifier of a device is the only one of its order"
        )
    return tuple(found)


def general_name(identifier: Identifier) -> names.GeneralName:
    """Return the subject alternative name of a canonical identifier."""
    if identifier.type == "ip":
        return names.ip_address(identifier.value)
    if identifier.is_device:
        return names.permanent_identifier(identifier.value)
    return names.dns_name(identifier.value)


def from_name(name: names.GeneralName) -> Identifier | None:
    """Return the identifier of a subject alternative name; None for kinds ACME does not prove here."""
    if isinstance(name, names.DNSName):
        return Identifier("dns", name.value)
    if isinstance(name, names.PermanentIdentifier):
        return Identifier(PERMANENT_IDENTIFIER, name.value)
    return Identifier("ip", str(name)) if isinstance(name, names.IPAddress) else None


def of_certificate(leaf: x509.Certificate) -> list[Identifier | None]:
    """Return what each name of a certificate identifies; None for kinds ACME does not prove here."""
    found = certificate.extensions_of(leaf).get(oids.SUBJECT_ALT_NAME)
    listed = der.children(der.only(found.value).content) if found else ()
    return [_read(each.tag, each.content) for each in listed]


def _read(tag: int, content: bytes) -> Identifier | None:
    try:
        return from_name(names.from_certificate(tag, content))
    except InvalidNameError:
        return None


def _canonical(identifier: Identifier) -> Identifier:
    if identifier.type not in _TYPES:
        raise NewelError(
            ErrorType.UNSUPPORTED_IDENTIFIER,
            f"identifiers are of the types {', '.join(_TYPES)} here",
        )
    try:
        return Identifier(identifier.type, str(general_name(identifier)))
    except InvalidNameError as error:
        raise NewelError(ErrorType.REJECTED_IDENTIFIER, str(error)) from error
