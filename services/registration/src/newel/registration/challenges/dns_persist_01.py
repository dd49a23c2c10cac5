"""dns-persist-01 (draft-ietf-acme-dns-persist): a TXT record that names the authority and the account."""

from newel.acme import challenges
from newel.acme.caa import ACCOUNT_URI, parse_issue_value
from newel.registration.challenges.name_servers import NameServers
from newel.registration.challenges.validation import Validation
from newel.runtime.clock import Clock
from newel.runtime.errors import ErrorType, NewelError

_MAX_REASONS = 4


class DNSPersist01Validator:
    """Queries the TXT records of ``_validation-persist.<domain>``; one of them must let the account in."""

    def __init__(self, name_servers: NameServers, clock: Clock) -> None:
        self._name_servers = name_servers
        self._clock = clock

    async def __call__(self, validation: Validation) -> bytes:
        """Validate one challenge. Raises ``dns`` or ``unauthorized``."""
        name = challenges.persist_name(validation.identifier.value)
        texts, source = await self._name_servers.texts(name)
        if not texts:
            raise NewelError(
                ErrorType.DNS, f"dns-persist-01: {name} has no TXT record, says {source}"
            )
        reasons = [self._refuse(each, validation) for each in texts]
        if "" not in reasons:
            told = list(dict.fromkeys(reasons))[:_MAX_REASONS]
            raise NewelError(
                ErrorType.UNAUTHORIZED,
                f"dns-persist-01: none of the {len(texts)} TXT records of {name}, from {source}, is for this"
                f" authority and {validation.payload.decode()}: {', '.join(told)}",
            )
        return b""

    def _refuse(self, text: bytes, validation: Validation) -> str:
        """Return why a record does not let the account in, or "". Unknown parameters do not count."""
        value = parse_issue_value(text)
        if value is None:
            return "one is malformed"
        if value.domain not in {each.lower() for each in validation.provisioner.caa_identities}:
            return "one is for another authority"
        parameters = dict(value.parameters)
        until = parameters.get("persistuntil")
        if len(parameters) < len(value.parameters):
            reason = "one has a parameter twice"
        elif parameters.get(ACCOUNT_URI) != validation.payload.decode():
            reason = "one is for another account"
        elif validation.wildcard and parameters.get("policy", "").lower() != "wildcard":
            reason = "one is not for wildcards (policy=wildcard)"
        elif until is not None and not (until.isdecimal() and len(until) <= 12):
            reason = "the persistUntil of one is not a time in seconds"
        elif until is not None and int(until) < self._clock.unix():
            reason = "the persistUntil of one has passed"
        else:
            reason = ""
        return reason
