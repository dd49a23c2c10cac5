"""A key with its name, what it may sign, and by which rules."""

import datetime as dt
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from newel.crypto import keys
from newel.signer.keys import SigningKey
from newel.signer.statements import Kind


class Statement(Protocol):
    """Anything that was parsed and can be named in the audit trail."""

    @property
    def identity(self) -> str:
        """A serial, a number, or several."""
        ...


@dataclass(frozen=True, slots=True)
class Rule:
    """How one kind of statement is read, and what it is held against."""

    parse: Callable[[bytes], Statement]  # raises ``malformed``
    check: Callable[[Any, dt.datetime], None]  # what ``parse`` gave, and now; raises ``refused``
    dress: Callable[[bytes], bytes] | None = (
        None  # the signature, as this kind of statement wears it
    )


@dataclass(frozen=True, slots=True)
class Role:
    """One configured key."""

    name: str
    key: SigningKey
    rules: Mapping[Kind, Rule]
    certificate: bytes = b""  # DER, of the issuer or responder the key is; empty for SSH

    @property
    def algorithm(self) -> bytes:
        """The DER AlgorithmIdentifier of its signatures."""
        return keys.signature_algorithm(self.key.public_key)
