"""Whether every key still signs, and matches its certificate."""

import asyncio
import logging
from collections.abc import Mapping

from cryptography.exceptions import InvalidSignature

from newel.crypto import keys
from newel.runtime.entropy import random_hex
from newel.runtime.errors import ErrorType, NewelError
from newel.runtime.work import run_in_thread
from newel.signer.keys import KeyUnavailableError
from newel.signer.metrics import Metrics
from newel.signer.roles import Role

_log = logging.getLogger(__name__)

_TIME_LIMIT = 15.0


class SelfCheck:
    """A check that signs and verifies with every key, and remembers the failures."""

    def __init__(self, roles: Mapping[str, Role], metrics: Metrics) -> None:
        self._roles = roles
        self._metrics = metrics
        self._failed: dict[str, str] = {}

    async def run(self) -> None:
        """Check every key, each in a thread and for a limited time."""
        for role in tuple(self._roles.values()):
            try:
                async with asyncio.timeout(_TIME_LIMIT):
                    await run_in_thread(_probe, role)
            except (KeyUnavailableError, InvalidSignature, TimeoutError) as error:
                if role.name not in self._failed:
                    _log.error("the key %s cannot be used: %s", role.name, error)
                self._failed[role.name] = str(error) or type(error).__name__
            else:
                if self._failed.pop(role.name, None):
                    _log.warning("the key %s can be used again", role.name)
            self._metrics.set_key_usable(role.name, usable=role.name not in self._failed)

    async def start(self) -> None:
        """Check every key, and raise :class:`NewelError` if one fails: then the service does not start."""
        await self.run()
        await self.ready()

    async def ready(self) -> None:
        """Raise :class:`NewelError` ``unavailable`` while a key failed its last check."""
        if self._failed:
            causes = "; ".join(f"{name}: {cause}" for name, cause in self._failed.items())
            raise NewelError(
                ErrorType.UNAVAILABLE,
                f"keys that do not work: {', '.join(self._failed)}",
                cause=causes,
            )


def _probe(role: Role) -> None:
    """Sign a text that begins like no DER and no SSH body, so that the signature proves nothing else."""
    text = b"newel signer self-check " + random_hex(16).encode()
    keys.verify(role.key.public_key, role.key.sign(text), text)
