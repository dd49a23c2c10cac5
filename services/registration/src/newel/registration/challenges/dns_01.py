"""dns-01 (RFC 8555 §8.4): a TXT record in the domain's zone."""

from newel.acme import challenges
from newel.registration.challenges.name_servers import NameServers
from newel.registration.challenges.validation import Validation
from newel.runtime.errors import ErrorType, NewelError


class DNS01Validator:
    """Queries the TXT records of ``_acme-challenge.<domain>``; one of them must be the digest."""

    def __init__(self, name_servers: NameServers) -> None:
        self._name_servers = name_servers

    async def __call__(self, validation: Validation) -> bytes:
        """Validate one challenge. Raises ``dns`` or ``incorrectResponse``."""
        name = challenges.dns_name(validation.identifier.value)
        await require_text(self._name_servers, name, validation, challenges.DNS_01)
        return b""


async def require_text(
    name_servers: NameServers, name: str, validation: Validation, challenge: str
) -> None:
    """Require the digest of the key authorization among the TXT records of a name.

    Raises ``dns`` or ``incorrectResponse``, whose texts begin with the challenge type.
    """
    found = await name_servers.texts(name)
    if not found.values:
        # the record may not have reached this name server yet, so this is worth another try
        raise NewelError(
            ErrorType.DNS, f"{challenge}: {name} has no TXT record, says {found.source}"
        )
    if challenges.dns_value(validation.authorization).encode() not in found.values:
        raise NewelError(
            ErrorType.INCORRECT_RESPONSE,
            f"{challenge}: none of the {len(found.values)} TXT records of {name} is the one expected;"
            f" {found.source} has {found.show()}",
        )
