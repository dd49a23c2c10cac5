"""dns-account-01 (draft-ietf-acme-dns-account-label): dns-01 under a label that is the account's alone."""

from newel.acme import challenges
from newel.registration.challenges.dns_01 import require_text
from newel.registration.challenges.name_servers import NameServers
from newel.registration.challenges.validation import Validation


class DNSAccount01Validator:
    """Queries the TXT records of ``_<label>._acme-challenge.<domain>``; one of them must be the digest."""

    def __init__(self, name_servers: NameServers) -> None:
        self._name_servers = name_servers

    async def __call__(self, validation: Validation) -> bytes:
        """Validate one challenge. Raises ``dns`` or ``incorrectResponse``."""
        account_url = validation.payload.decode()
        name = challenges.account_dns_name(validation.identifier.value, account_url)
        await require_text(self._name_servers, name, validation, challenges.DNS_ACCOUNT_01)
        return b""
