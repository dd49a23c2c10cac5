"""What every endpoint works with."""

from dataclasses import dataclass
from typing import Protocol

from newel.registration.acme.authentication import Authenticator
from newel.registration.acme.finalization import Finalizer
from newel.registration.acme.issuance import ChainCache
from newel.registration.acme.nonces import Nonces
from newel.registration.acme.records import Attempt
from newel.registration.acme.settings import Limits
from newel.registration.acme.storage import Storage
from newel.registration.audit_trail import AuditTrail
from newel.registration.issuance import Issuance
from newel.registration.rate_limits import Limit


class Validations(Protocol):
    """Where challenges go to be validated."""

    def submit(self, attempt: Attempt) -> bool:
        """Takes an attempt whose claim is stored; False when too many wait, then it is found later."""
        ...


@dataclass(frozen=True, slots=True)
class Server:
    """The parts of the ACME server, as the endpoints see them."""

    storage: Storage
    nonces: Nonces
    authenticator: Authenticator
    finalizer: Finalizer
    chains: ChainCache
    issuance: Issuance
    validations: Validations
    limits: Limits
    decisions: AuditTrail
    new_orders: Limit
    """Per account."""
