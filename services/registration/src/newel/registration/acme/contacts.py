"""Contact URLs of accounts (RFC 8555 §7.3)."""

from collections.abc import Sequence

from newel.crypto.dns_names import InvalidNameError
from newel.crypto.names import email_address
from newel.runtime.errors import ErrorType, NewelError

_LONGEST = 320


def check(contacts: Sequence[str], most: int) -> None:
    """Each must be a ``mailto`` with one address and no header fields.

    Raises ``unsupportedContact`` for another scheme, ``invalidContact`` for everything else.
    """
    if len(contacts) > most:
        raise NewelError(ErrorType.INVALID_CONTACT, f"at most {most} contacts are kept")
    for contact in contacts:
        scheme, _, address = contact.partition(":")
        if len(contact) > _LONGEST or not address:
            raise NewelError(ErrorType.INVALID_CONTACT, "a contact is not a URL")
        if scheme.lower() != "mailto":
            raise NewelError(ErrorType.UNSUPPORTED_CONTACT, "contacts are mailto URLs here")
        if "?" in address or "," in address or "%" in address:
            raise NewelError(
                ErrorType.INVALID_CONTACT, "a mailto contact is one address and nothing else"
            )
        try:
            email_address(address)
        except InvalidNameError as error:
            raise NewelError(ErrorType.INVALID_CONTACT, "a contact is no e-mail address") from error
