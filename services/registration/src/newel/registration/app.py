"""The registration authority's parts, put together."""

import asyncio
import functools
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from importlib.metadata import version

import grpc
import grpc.aio
from prometheus_client import CollectorRegistry

from newel.crypto import names, pem
from newel.registration.acme.build import Acme
from newel.registration.acme.build import build as build_acme
from newel.registration.authority import Authority
from newel.registration.config import Config
from newel.registration.front import front
from newel.registration.http import StepApi
from newel.registration.issuance import RemoteIssuance
from newel.registration.listings import Listings
from newel.registration.metrics import Metrics
from newel.registration.one_time import KEPT_AFTER_EXPIRY
from newel.registration.provisioners.acme import AcmeKind
from newel.registration.renewal import Renewing
from newel.registration.revocation import Revoking
from newel.registration.server_certificate import ServerCertificate, Wanted
from newel.registration.signing import Signing
from newel.registration.storage import ProvisionerTable, UsedTokenTable
from newel.runtime.audit import Audit
from newel.runtime.background import every
from newel.runtime.clock import Clock
from newel.runtime.database import Database
from newel.runtime.errors import ErrorType, NewelError
from newel.runtime.lease import Lease, run_leased
from newel.runtime.server_tls import ServerTls
from newel.runtime.service import Service, Task
from newel.step.audiences import Audiences
from newel.step.provisioners import to_json

REVISION = "0002"
"""What ``newel.runtime.migrations`` brings the database to before ``build``."""

_SWEPT_AT_ONCE = 5_000
_WAIT_FOR_ISSUING = 60.0
_TRY_AGAIN_AFTER = 0.5


@dataclass(frozen=True, slots=True)
class Ports:
    """What the registration authority needs from the process that runs it."""

    database: Database
    issuing: grpc.aio.Channel
    tls: ServerTls
    clock: Clock
    audit: Audit
    registry: CollectorRegistry


@dataclass(frozen=True, slots=True)
class Rules:
    """Implements Tokens from the configuration."""

    audiences: Audiences
    longest_token: float


async def build(config: Config, ports: Ports) -> Service:
    """The service. Its start hooks wait for the issuing authority, then fetch the first certificate."""
    clock, audit = ports.clock, ports.audit
    metrics = Metrics(ports.registry)
    issuance = RemoteIssuance(ports.issuing)
    records, used = ProvisionerTable(ports.database), UsedTokenTable(ports.database)
    authority = Authority(
        records,
        issuance,
        config.limits(),
        active_revocation=config.active_revocation,
        federated=[
            der for file in config.federated_roots for der in pem.decode_all(file.read_bytes())
        ],
        tls=config.tls_options(),
    )
    rules = Rules(Audiences(config.dns_names), config.longest_token.total_seconds())
    own = config.server_certificate
    certificate = ServerCertificate(
        Wanted(own.common_name, names.parse_sans(config.dns_names), own.lifetime, own.profile),
        authority,
        issuance,
        ports.tls,
        clock,
        metrics,
        audit,
    )
    acme = _acme(config, ports, authority, issuance)
    api = StepApi(
        authority,
        Signing(authority, rules, used, issuance, clock, config.backdate),
        Renewing(authority, rules, used, issuance, clock),
        Revoking(authority, rules, used, issuance, clock, config.active_revocation),
        metrics,
        audit,
        acme.app,
        front(Listings(authority, version("newel-registration")).routes()),
    )

    async def learn_issuers() -> None:
        if await authority.refresh_trust():
            anchors = authority.trust.client_authorities
            ports.tls.trust([pem.encode(der).decode() for der in anchors])

    async def start() -> None:
        seeds = {record.name: to_json(record) for record in config.records()}
        await records.seed(seeds, int(clock.unix()))
        await authority.refresh_provisioners()
        await acme.start()
        await _once_there(learn_issuers)
        await _once_there(certificate.renew)

    async def sweep() -> None:
        before = int(clock.unix()) - KEPT_AFTER_EXPIRY
        more = True
        while more:
            more = await used.sweep(before, _SWEPT_AT_ONCE)
        metrics.used_tokens_swept.inc()

    async def ready() -> None:
        if not authority.trust.active:
            raise NewelError(ErrorType.UNAVAILABLE, "no issuer is known")

    tasks: dict[str, Task] = {
        "provisioners": every(
            config.refresh_provisioners.total_seconds(), authority.refresh_provisioners
        ),
        "issuers": every(config.refresh_issuers.total_seconds(), learn_issuers),
        "server-certificate": every(15, certificate.keep),
        "ends-of-uses": used.write_ends,
        "used-tokens": functools.partial(
            run_leased, Lease(ports.database, "used-tokens"), every(60, sweep)
        ),
        **acme.tasks,
    }
    return Service(
        "registration",
        web={"https": api},
        tasks=tasks,
        start=(start,),
        stop=(used.flush,),
        ready=ready,
    )


def _acme(config: Config, ports: Ports, authority: Authority, issuance: RemoteIssuance) -> Acme:
    def provisioner(name: str) -> AcmeKind | None:
        found = authority.provisioners.named(name)
        return found if isinstance(found, AcmeKind) and not found.disabled else None

    return build_acme(
        config.acme,
        database=ports.database,
        issuance=issuance,
        provisioners=provisioner,
        names=config.dns_names,
        clock=ports.clock,
        audit=ports.audit,
    )


async def _once_there(work: Callable[[], Awaitable[object]]) -> None:
    """Does the work as soon as the issuing authority answers; gives up after a minute."""
    loop = asyncio.get_running_loop()
    end = loop.time() + _WAIT_FOR_ISSUING
    while True:
        try:
            await work()
            return
        except NewelError as error:
            if error.type is not ErrorType.UNAVAILABLE or loop.time() > end:
                raise
        await asyncio.sleep(_TRY_AGAIN_AFTER)
