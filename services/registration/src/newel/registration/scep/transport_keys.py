"""The keys that clients encrypt their messages to, where no provisioner brings its own.

They are RSA keys of the registration authority, never those of a CA. The issuing authority certifies
them like any other key. They are stored encrypted, because every worker and replica needs the same one.
"""

import asyncio
import datetime as dt
import logging
from collections.abc import Sequence
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import rsa

from newel.crypto import distinguished_names, extensions, keys, loading
from newel.registration.authority import Authority
from newel.registration.errors import misconfiguration_error
from newel.registration.issuance import Issuance, IssueRequest, ProvisionerRef
from newel.registration.scep.storage import SCEPStorage, StoredKey
from newel.runtime.audit import Audit
from newel.runtime.clock import Clock
from newel.runtime.config import ConfigError, read_secret_octets
from newel.runtime.entropy import random_bytes
from newel.runtime.errors import NewelError
from newel.runtime.work import run_in_thread
from newel.scep.signing import Signer

_log = logging.getLogger("newel.registration.scep")

SUBJECT = "SCEP registration authority"
_REREAD_AFTER = 30.0


class TransportKeys:
    """The current key and the earlier ones that are still valid."""

    def __init__(
        self,
        storage: SCEPStorage,
        authority: Authority,
        issuance: Issuance,
        clock: Clock,
        audit: Audit,
        *,
        password_file: Path | None,
        profile: str,
        lifetime: dt.timedelta,
    ) -> None:
        """Without a ``password_file`` there are no keys."""
        self._storage = storage
        self._authority = authority
        self._issuance = issuance
        self._clock = clock
        self._audit = audit
        self._password_file = password_file
        self._profile = profile
        self._lifetime = lifetime
        self._known: dict[int, Signer | None] = {}
        self._signers: dict[int, Signer] = {}
        self._read_at = 0.0
        self._lock = asyncio.Lock()

    async def signers(self) -> Sequence[Signer]:
        """Return the valid keys, the current one first; make one where there is none or it is due.

        Raises NewelError.
        """
        if not self._is_current():
            async with self._lock:
                if not self._is_current():  # no one else has read them meanwhile
                    await self._read()
                    if self._is_due():
                        await self._replace()
        return list(self._signers.values())

    def _is_current(self) -> bool:
        age = self._clock.unix() - self._read_at
        return 0 <= age < _REREAD_AFTER and bool(self._signers)

    async def _replace(self) -> None:
        """Make the next key. While that fails, one that is still valid stays in use."""
        try:
            await self._add()
        except NewelError as error:
            if not self._signers:
                raise
            _log.warning("the SCEP transport key could not be replaced: %s", error.cause)
        await self._read()

    async def _read(self) -> None:
        stored = await self._storage.transport_keys(self._clock.now())
        known = self._known
        for each in stored:
            if each.slot not in known:
                known[each.slot] = await run_in_thread(self._load, each)
        valid = ((each.slot, known[each.slot]) for each in stored)
        self._signers = {slot: signer for slot, signer in valid if signer is not None}
        self._read_at = self._clock.unix()

    def _load(self, stored: StoredKey) -> Signer | None:
        """Decrypt a key; None, with a line in the log, for one of an earlier password."""
        try:
            key = keys.load_private_key(stored.private_key, self._password())
        except keys.InvalidKeyError as error:
            _log.warning("the SCEP transport key %d is replaced: %s", stored.slot, error)
            return None
        if not isinstance(key, rsa.RSAPrivateKey):
            raise misconfiguration_error("a stored SCEP transport key is not an RSA key")
        return Signer(loading.load_certificate(stored.certificate), key)

    def _password(self) -> bytes:
        """Read the password that stored keys are encrypted with. Raises ``serverInternal``."""
        if self._password_file is None:
            raise misconfiguration_error(
                "SCEP needs scep.key_password_file, or a decrypter in the provisioner"
            )
        try:
            return read_secret_octets(self._password_file)
        except ConfigError as error:
            raise misconfiguration_error(str(error)) from None

    def _is_due(self) -> bool:
        newest = next(iter(self._signers.values()), None)
        if newest is None:
            return True
        begin, end = newest.certificate.not_valid_before_utc, newest.certificate.not_valid_after_utc
        return self._clock.now() >= begin + (end - begin) * 2 / 3

    async def _add(self) -> None:
        """Make a key and have it certified. Of several processes that do so, one is recorded."""
        slot, now, password = await self._storage.next_slot(), self._clock.now(), self._password()
        key = await run_in_thread(keys.generate, keys.KeyKind.RSA3072)
        expiry = now + self._lifetime
        if (issuer_expiry := self._authority.trust.issuer_expiry(now)) is not None:
            expiry = min(expiry, issuer_expiry)
        certificate = await self._issuance.issue(
            IssueRequest(
                idempotency_key=int(now.timestamp()).to_bytes(4, "big") + random_bytes(20),
                profile=self._profile,
                public_key=keys.spki(key.public_key()),
                subject=(distinguished_names.common_name(SUBJECT),),
                not_after=expiry,
                key_usages=("digitalSignature", "keyEncipherment"),
                extended_key_usages=(extensions.CLIENT_AUTH,),
                provisioner=ProvisionerRef(hide_extension=True),
                subject_of_proof="registration",
            )
        )
        sealed = await run_in_thread(keys.encrypt_private_key, key, password)
        stored = StoredKey(slot, certificate.der, sealed)
        if await self._storage.add_transport_key(stored, expiry):
            _log.info("a new SCEP transport key is valid until %s", f"{expiry:%Y-%m-%dT%H:%M:%SZ}")
            self._audit.record(
                "scep.transport-key", "granted", serial=certificate.serial.hex(),
                issuer=certificate.issuer,
            )  # fmt: skip # two kinds of words
