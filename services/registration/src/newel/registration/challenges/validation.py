"""One challenge to validate, as validators get it."""

from typing import NamedTuple, Protocol

from newel.acme.identifiers import Identifier
from newel.registration.provisioners.acme import ACMEProvisioner


class Validation(NamedTuple):
    """One challenge of one authorization, with all that its validators need."""

    identifier: Identifier
    """Without ``*.``, as the authorization has it."""
    token: str
    authorization: str
    """The key authorization (RFC 8555 §8.1)."""
    provisioner: ACMEProvisioner
    payload: bytes = b""
    """The JSON that answered the challenge, where it carries the proof; or the account's URL, where the
    proof names it."""
    wildcard: bool = False
    """Whether the authorization is for ``*.`` and the identifier."""


class Validator(Protocol):
    """Validates one challenge, once."""

    async def __call__(self, validation: Validation) -> bytes:
        """Return the thumbprint (RFC 7638) of the key that is proved with the identifier, or ``b""``.

        Raises NewelError, with a type of RFC 8555 §6.7, when the challenge is not fulfilled.
        """
        ...
