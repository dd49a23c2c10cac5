"""Contact URLs of accounts (RFC 8555 §7.3)."""

from collections.abc import Sequence

from newel.crypto.dns_names import InvalidNameError
from newel.crypto.names import email_address
from newel.runtime.errors import ErrorType, NewelError

_MAX_LENGTH = 320


def canonical(contacts: Sequence[str] | None, max_count: int) -> list[str]:
    """Return the contacts without white space around scheme and address.

    Each must be a ``mailto`` with one address, in ASCII as URIs are (RFC 6068 §2), and no header
    fields. Raises ``unsupportedContact`` for another scheme, else ``invalidContact``.
    """
    kept: list[str] = []
    if contacts is None:
        return kept
    if len(contacts) > max_count:
        raise NewelError(ErrorType.INVALID_CONTACT, f"at most {max_count} contacts are kept")
    for contact in contacts:
        scheme, _, address = map(str.strip, contact.partition(":"))
        if len(contact) > _MAX_LENGTH or not address:
            raise NewelError(ErrorType.INVALID_CONTACT, "a contact is not a URL")
        if scheme.lower() != "mailto":
            raise NewelError(ErrorType.UNSUPPORTED_CONTACT, "contacts are mailto URLs here")
        if "?" in address or "," in address or "%" in address:
            raise NewelError(
                ErrorType.INVALID_CONTACT, "a mailto contact is one address and nothing else"
            )
        if not address.isascii():
            raise NewelError(
                ErrorType.INVALID_CONTACT, "a contact is a URL: in ASCII, domains as A-labels"
            )
        try:
            email_address(address)
        except InvalidNameError as error:
            raise NewelError(ErrorType.INVALID_CONTACT, "a contact is no e-mail address") from error
        kept.append(f"mailto:{address}")
    return kept
