"""Names that the accounts of an external account key need not prove."""

from newel.crypto.names import DNSName, GeneralName, IPAddress
from newel.registration.policy.sides import NameNotAllowedError
from newel.registration.policy.x509 import X509Policy
from newel.step.policies import NameLists, NamePolicy

MOST = 1000
"""Constraints of one key."""


class Approvals:
    """Constraints on DNS names and addresses, written as those of a policy's ``allow``."""

    def __init__(self, lists: NameLists) -> None:
        """Compile the constraints. Raises ValueError with the one at fault."""
        if lists.cn or lists.email or lists.uri or lists.principal or lists.is_empty:
            raise ValueError("approved: names are of dns and ip")
        if len(lists.dns) + len(lists.ip) > MOST:
            raise ValueError(f"approved: at most {MOST} names")
        self._kinds = (DNSName,) * bool(lists.dns) + (IPAddress,) * bool(lists.ip)
        self._policy = X509Policy(NamePolicy(allow=lists))

    def covers(self, name: GeneralName, /) -> bool:
        """Tell whether a name need not be proved."""
        if not isinstance(name, self._kinds):
            return False
        try:
            self._policy.check((name,), "")
        except NameNotAllowedError:
            return False
        return True
