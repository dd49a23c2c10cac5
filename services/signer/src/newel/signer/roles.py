"""A key with its name, what it may sign, and by which rules."""

import datetime as dt
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from newel.crypto import keys
from newel.signer.keys import SigningKey
from newel.signer.statements import Kind


class Statement(Protocol):
    """A parsed statement, which the audit trail can name."""

    @property
    def identity(self) -> str:
        """The serial number, or numbers, it is about."""
        ...


@dataclass(frozen=True, slots=True)
class Rule:
    """How one kind of statement is parsed, checked and signed."""

    parse: Callable[[bytes], Statement]  # raises ``malformed_error``
    check: Callable[[Any, dt.datetime], None]  # the statement, and now; raises ``policy_error``
    encode_signature: Callable[[bytes], bytes] | None = None  # where it differs from X.509
    frame: Callable[[bytes], bytes] | None = (
        None  # what is signed of a statement, where that is not all of it
    )


@dataclass(frozen=True, slots=True)
class Role:
    """One configured key."""

    name: str
    key: SigningKey
    rules: Mapping[Kind, Rule]
    certificate: bytes = b""  # DER, of the issuer or responder; empty for SSH

    @property
    def algorithm(self) -> bytes:
        """The DER AlgorithmIdentifier of the signatures of the key."""
        return keys.signature_algorithm(self.key.public_key)
