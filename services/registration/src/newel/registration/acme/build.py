"""The composition of the ACME server."""

import datetime as dt
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

from newel.acme.challenges import (
    DEVICE_ATTEST_01,
    DNS_01,
    DNS_ACCOUNT_01,
    DNS_PERSIST_01,
    HTTP_01,
    TLS_ALPN_01,
)
from newel.crypto.distinguished_names import Attribute
from newel.registration.acme.authentication import Authenticator
from newel.registration.acme.authorities import Authorities
from newel.registration.acme.caa_checks import CAAChecks
from newel.registration.acme.chains import ChainCache, read_alternates
from newel.registration.acme.config import ACMEConfig
from newel.registration.acme.finalization import Finalizer
from newel.registration.acme.maintenance import Maintenance
from newel.registration.acme.nonces import Nonces
from newel.registration.acme.order_rates import OrderRates
from newel.registration.acme.policies import NameChecks
from newel.registration.acme.renewal_info import RenewalInfoReader
from newel.registration.acme.routes import ACMEApp
from newel.registration.acme.server import Server
from newel.registration.acme.storage import Storage
from newel.registration.acme.validations import Validations
from newel.registration.audit_trail import AuditTrail
from newel.registration.challenges.caa import CAAFinder
from newel.registration.challenges.device_attest_01 import DeviceAttest01Validator
from newel.registration.challenges.dns_01 import DNS01Validator
from newel.registration.challenges.dns_account_01 import DNSAccount01Validator
from newel.registration.challenges.dns_persist_01 import DNSPersist01Validator
from newel.registration.challenges.http_01 import HTTP01Validator
from newel.registration.challenges.name_servers import NameServers
from newel.registration.challenges.tls_alpn_01 import TLSALPN01Validator
from newel.registration.challenges.validation import Validator
from newel.registration.challenges.views import EveryViewValidator, Resolvers, View, Views
from newel.registration.issuance import Issuance
from newel.registration.metrics import Metrics
from newel.registration.provisioners.acme import ACMEProvisioners
from newel.registration.rate_limits import Limit, RefusalLog
from newel.registration.replacements import Replacements
from newel.runtime.asgi import ASGIApp
from newel.runtime.audit import Audit
from newel.runtime.clock import Clock
from newel.runtime.database.contract import Database
from newel.runtime.database.lease import Lease, run_leased
from newel.runtime.egress import DNS_PORT, EgressPolicy, parse_endpoint, parse_networks
from newel.runtime.entropy import random_bytes
from newel.runtime.http.client_addresses import ClientAddresses, Network
from newel.runtime.service import Hook, Task

_SECRET = "nonces"  # noqa: S105 - the name of one


@dataclass(frozen=True, slots=True)
class ACMEServer:
    """The parts that the registration authority puts into its service."""

    app: ASGIApp
    """To be mounted at ``/acme`` and ``/2.0/acme``, or at the root: it looks at the whole path."""
    start: Hook
    """After the migrations, before listening."""
    tasks: Mapping[str, Task]
    """Run in every process; what one process does for all of them holds a lease."""
    forget_chains: Callable[[], None]
    """Called when issuers or their chains change."""
    maintenance: Maintenance
    """The work of one of the tasks, for tests."""
    caa_checks: CAAChecks
    """Likewise for tests."""


def build(
    config: ACMEConfig,
    *,
    database: Database,
    issuance: Issuance,
    provisioners: ACMEProvisioners,
    names: Sequence[str],
    clock: Clock,
    audit: Audit,
    metrics: Metrics,
    new_orders: Limit,
    name_checks: NameChecks,
    exempt: Sequence[Network] = (),
    subject_defaults: Sequence[Attribute] = (),
    latest_start: dt.timedelta = dt.timedelta(hours=1),
) -> ACMEServer:
    """Build the ACME server. ``names`` are the hosts clients may use, each with or without a port.

    The addresses of ``exempt`` are not counted.
    """
    limits = config.limits(latest_start)
    audit_trail = AuditTrail(audit, metrics)
    storage, nonces, authorities = Storage(database), Nonces(clock), Authorities(names)
    views = Views(partial(_make_view, config, clock), config.resolvers)
    refusals = RefusalLog("acme-orders", audit, metrics)
    caa_checks = CAAChecks(storage, views, authorities, limits)
    parts = (provisioners, limits, clock, audit_trail)
    validations = Validations(storage, _validators(views, clock), *parts, caa_checks)
    rates = OrderRates(storage, config.order_rates, ClientAddresses(exempt), refusals)
    checks = (name_checks, caa_checks, rates)
    finalizer = Finalizer(storage, issuance, *parts, *checks, subject_defaults)
    server = Server(
        nonces=nonces,
        authenticator=Authenticator(storage, nonces, authorities, clock),
        finalizer=finalizer,
        chains=ChainCache(issuance, read_alternates(config.alternate_chains)),
        issuance=issuance,
        validations=validations,
        limits=limits,
        audit_trail=audit_trail,
        new_orders=new_orders,
        order_rates=rates,
        name_checks=name_checks,
        renewal_info=RenewalInfoReader(Replacements(database), issuance, clock),
    )

    maintenance = Maintenance(storage, nonces, validations, finalizer, limits, clock)

    return ACMEServer(
        app=ACMEApp(server, provisioners, authorities),
        start=partial(_share_secret, storage, nonces),
        tasks={
            "acme-validations": validations.run,
            "acme-maintenance": partial(_maintain, database, maintenance),
        },
        forget_chains=server.chains.clear,
        maintenance=maintenance,
        caa_checks=caa_checks,
    )


async def _share_secret(storage: Storage, nonces: Nonces) -> None:
    nonces.share(await storage.secret(_SECRET, random_bytes(32)))


async def _maintain(database: Database, maintenance: Maintenance) -> None:
    await run_leased(Lease(database, "acme-upkeep"), maintenance.run)


def _validators(views: Views, clock: Clock) -> Mapping[str, Validator]:
    looking = (HTTP_01, DNS_01, DNS_ACCOUNT_01, DNS_PERSIST_01, TLS_ALPN_01)
    return {
        **{each: EveryViewValidator(each, views) for each in looking},
        DEVICE_ATTEST_01: DeviceAttest01Validator(clock),
    }


def _make_view(config: ACMEConfig, clock: Clock, resolvers: Resolvers) -> View:
    """Build the validators that look at the world by these resolvers."""
    allow, deny = parse_networks(config.allow_networks), parse_networks(config.deny_networks)
    policy = EgressPolicy(allow, deny)
    servers = NameServers([parse_endpoint(text, DNS_PORT) for text in resolvers], policy)
    if resolvers:
        policy = replace(policy, resolver=servers.addresses, resolver_name=servers.names)
    validators: Mapping[str, Validator] = {
        HTTP_01: HTTP01Validator(policy, config.http01_port, https_port=config.https01_port),
        DNS_01: DNS01Validator(servers),
        DNS_ACCOUNT_01: DNSAccount01Validator(servers),
        DNS_PERSIST_01: DNSPersist01Validator(servers, clock),
        TLS_ALPN_01: TLSALPN01Validator(policy, config.tls_alpn01_port),
    }
    return View(servers.names or policy.resolver_name, validators, CAAFinder(servers))
