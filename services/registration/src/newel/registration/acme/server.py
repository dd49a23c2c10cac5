"""The parts that every endpoint works with."""

from dataclasses import dataclass

from newel.registration.acme.authentication import Authenticator
from newel.registration.acme.chains import ChainCache
from newel.registration.acme.config import Limits
from newel.registration.acme.finalization import Finalizer
from newel.registration.acme.nonces import Nonces
from newel.registration.acme.order_rates import OrderRates
from newel.registration.acme.policies import NameChecks
from newel.registration.acme.renewal_info import RenewalInfoReader
from newel.registration.acme.validations import Validations
from newel.registration.audit_trail import AuditTrail
from newel.registration.issuance import Issuance
from newel.registration.rate_limits import Limit


@dataclass(frozen=True, slots=True)
class Server:
    """The parts of the ACME server, for the endpoints and the domain."""

    nonces: Nonces
    authenticator: Authenticator
    finalizer: Finalizer
    chains: ChainCache
    issuance: Issuance
    validations: Validations
    limits: Limits
    audit_trail: AuditTrail
    name_checks: NameChecks
    renewal_info: RenewalInfoReader
    new_orders: Limit
    """Per account."""
    order_rates: OrderRates
    """Those of an account, a set of names, an address, and of what only ever fails, over all replicas."""
