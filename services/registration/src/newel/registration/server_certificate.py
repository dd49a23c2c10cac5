"""The server's own certificate: issued like any other, its key never leaving the memory."""

import datetime as dt
import logging
from dataclasses import dataclass
from typing import Protocol

from google.protobuf.timestamp_pb2 import Timestamp

from newel.crypto import keys, names, pem
from newel.proto.issuing.v1 import issuing_pb2 as pb
from newel.registration.authority import Authority
from newel.registration.issuance import Issuance, general_name
from newel.registration.metrics import Metrics
from newel.runtime.audit import Audit
from newel.runtime.clock import Clock, is_future
from newel.runtime.entropy import random_bytes
from newel.runtime.errors import ErrorType, NewelError

_log = logging.getLogger("newel.registration.server_certificate")
_COMMON_NAME = "2.5.4.3"


class Presenter(Protocol):
    """The listener's TLS."""

    def present(self, chain: bytes, key: bytes) -> None:
        """Shows a chain (PEM, leaf first) and uses its key from the next connection on."""
        ...


@dataclass(frozen=True, slots=True)
class CertificateSpec:
    """What the certificate is to say."""

    common_name: str
    names: tuple[names.GeneralName, ...]
    lifetime: dt.timedelta
    profile: str


class ServerCertificate:
    """Keeps a listener in possession of a valid certificate."""

    def __init__(
        self,
        wanted: CertificateSpec,
        authority: Authority,
        issuance: Issuance,
        tls: Presenter,
        clock: Clock,
        metrics: Metrics,
        audit: Audit,
    ) -> None:
        self._wanted = wanted
        self._authority = authority
        self._issuance = issuance
        self._tls = tls
        self._clock = clock
        self._metrics = metrics
        self._audit = audit
        self._made_at: dt.datetime | None = None
        self._renew_at: dt.datetime | None = None

    async def keep(self) -> None:
        """Renews when two thirds of the life are over; a failure is tried again at the next call."""
        now = self._clock.now()
        made = self._made_at
        good = made and not is_future(made.timestamp(), now.timestamp())
        if good and self._renew_at is not None and now < self._renew_at:
            return
        try:
            await self.renew()
        except NewelError as error:
            _log.warning("the server certificate could not be renewed: %s", error.cause)

    async def renew(self) -> None:
        """A new key, a new certificate, shown from the next connection on. Raises NewelError."""
        key = keys.generate()
        now = self._clock.now()
        end = now + self._wanted.lifetime
        if (issuers_end := self._authority.trust.ends(now)) is not None:
            end = min(end, issuers_end)
        request = pb.Request(
            idempotency_key=int(now.timestamp()).to_bytes(4, "big") + random_bytes(20),
            profile=self._wanted.profile,
            public_key=keys.spki(key.public_key()),
            subject=[pb.Attribute(oid=_COMMON_NAME, value=self._wanted.common_name)],
            names=[general_name(name) for name in self._wanted.names],
            not_after=Timestamp(seconds=int(end.timestamp())),
            provisioner=pb.Provisioner(hide_extension=True, renewable=True),
            subject_of_proof="registration",
        )
        certificate = await self._issuance.issue(request)
        issuer = self._authority.trust.issuers.get(certificate.issuer)
        if issuer is None:
            await self._authority.refresh_trust()
            issuer = self._authority.trust.issuers.get(certificate.issuer)
        if issuer is None:
            raise NewelError(
                ErrorType.SERVER_INTERNAL, "", cause="a certificate of no known issuer"
            )
        chain = b"".join(map(pem.encode, (certificate.der, *issuer.chain)))
        self._tls.present(chain, keys.plain_private_key(key))
        self._made_at = now
        self._renew_at = now + (end - now) * 2 / 3
        self._metrics.server_certificate_expiry.set(end.timestamp())
        self._audit.record(
            "server-certificate", "granted", serial=certificate.serial.hex(), issuer=issuer.id
        )
