"""Identifiers as an order keeps them: canonical, each once (RFC 8555 §7.1.3, RFC 8738 §3)."""

from collections.abc import Sequence

from newel.acme.identifiers import Identifier
from newel.crypto import names
from newel.crypto.dns_names import InvalidNameError
from newel.runtime.errors import ErrorType, NewelError, Subproblem


def canonical(asked: Sequence[Identifier], most: int) -> tuple[Identifier, ...]:
    """The identifiers in lower-case A-labels and canonical addresses, duplicates collapsed.

    What is not a name goes into one refusal, with a subproblem for each: ``unsupportedIdentifier``
    for unknown types, ``rejectedIdentifier`` for values no certificate can carry.
    """
    if not asked:
        raise NewelError(ErrorType.MALFORMED, "an order needs an identifier")
    if len(asked) > most:
        raise NewelError(ErrorType.MALFORMED, f"an order has at most {most} identifiers")
    found: dict[Identifier, None] = {}
    refused: list[Subproblem] = []
    for identifier in asked:
        try:
            found[_canonical(identifier)] = None
        except NewelError as error:
            shown = (identifier.type[:64], identifier.value[:256])
            refused.append(Subproblem(error.type, error.detail, *shown))
    if refused:
        kinds = {part.type for part in refused}
        raise NewelError(
            kinds.pop() if len(kinds) == 1 else ErrorType.MALFORMED,
            refused[0].detail if len(refused) == 1 else "several identifiers cannot be used",
            subproblems=refused,
        )
    return tuple(found)


def general_name(identifier: Identifier) -> names.GeneralName:
    """The subject alternative name of a canonical identifier."""
    if identifier.type == "ip":
        return names.ip_address(identifier.value)
    return names.dns_name(identifier.value)


def of_name(name: names.GeneralName) -> Identifier | None:
    """The identifier of a subject alternative name; None for kinds ACME does not prove here."""
    if isinstance(name, names.DNSName):
        return Identifier("dns", name.value)
    return Identifier("ip", str(name)) if isinstance(name, names.IPAddress) else None


def _canonical(identifier: Identifier) -> Identifier:
    if identifier.type not in {"dns", "ip"}:
        raise NewelError(
            ErrorType.UNSUPPORTED_IDENTIFIER, "identifiers are of the types dns and ip here"
        )
    try:
        return Identifier(identifier.type, str(general_name(identifier)))
    except InvalidNameError as error:
        raise NewelError(ErrorType.REJECTED_IDENTIFIER, str(error)) from error
