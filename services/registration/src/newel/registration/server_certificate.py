"""The server's own TLS certificate: issued like any other; its key never leaves the memory."""

import datetime as dt
import logging
from dataclasses import dataclass

from newel.crypto import distinguished_names, keys, names, pem
from newel.registration.authority import Authority
from newel.registration.issuance import Issuance, IssueRequest, ProvisionerRef
from newel.registration.metrics import Metrics
from newel.runtime.audit import Audit
from newel.runtime.background import Failure
from newel.runtime.clock import Clock, is_future
from newel.runtime.entropy import random_bytes
from newel.runtime.errors import ErrorType, NewelError
from newel.runtime.tls.server import ServerTLS

_log = logging.getLogger("newel.registration.server_certificate")


@dataclass(frozen=True, slots=True)
class CertificateSpec:
    """The contents of the server certificate."""

    common_name: str
    names: tuple[names.GeneralName, ...]
    lifetime: dt.timedelta
    profile: str


class ServerCertificate:
    """Keeps the listener's certificate valid."""

    def __init__(
        self,
        spec: CertificateSpec,
        authority: Authority,
        issuance: Issuance,
        tls: ServerTLS,
        clock: Clock,
        metrics: Metrics,
        audit: Audit,
    ) -> None:
        self._spec = spec
        self._authority = authority
        self._issuance = issuance
        self._tls = tls
        self._clock = clock
        self._metrics = metrics
        self._audit = audit
        self._issued_at: dt.datetime | None = None
        self._renew_at: dt.datetime | None = None

    async def renew_when_due(self) -> Failure | None:
        """Renew after two thirds of the lifetime; a failure is tried again at the next call."""
        now = self._clock.now()
        issued_at = self._issued_at
        known = issued_at and not is_future(issued_at.timestamp(), now.timestamp())
        if known and self._renew_at is not None and now < self._renew_at:
            return None
        try:
            await self.renew()
        except NewelError as error:
            _log.warning("the server certificate could not be renewed: %s", error.cause)
            return Failure.REPORTED
        return None

    async def renew(self) -> None:
        """Generate a key, have it certified, and present it from the next connection on."""
        key = keys.generate()
        now = self._clock.now()
        expiry = now + self._spec.lifetime
        if (issuer_expiry := self._authority.trust.issuer_expiry(now)) is not None:
            expiry = min(expiry, issuer_expiry)
        request = IssueRequest(
            idempotency_key=int(now.timestamp()).to_bytes(4, "big") + random_bytes(20),
            profile=self._spec.profile,
            public_key=keys.spki(key.public_key()),
            subject=(distinguished_names.common_name(self._spec.common_name),),
            names=self._spec.names,
            not_after=expiry,
            provisioner=ProvisionerRef(renewable=True, hide_extension=True),
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
        self._issued_at = now
        self._renew_at = now + (expiry - now) * 2 / 3
        self._metrics.server_certificate_expiry.set(expiry.timestamp())
        self._audit.record(
            "server-certificate", "granted", serial=certificate.serial.hex(), issuer=issuer.id
        )
