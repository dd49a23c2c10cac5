"""Assembles the responder from its parts: the same as the validation authority's, over files."""

from dataclasses import dataclass

from prometheus_client import CollectorRegistry, Gauge

from newel.crypto import keys
from newel.runtime.background import repeat_every
from newel.runtime.clock import Clock
from newel.runtime.config import ConfigError
from newel.runtime.errors import ErrorType, NewelError
from newel.runtime.service import Service
from newel.runtime.work import run_in_thread
from newel.validation.config import CRLConfig, IssuerConfig
from newel.validation.crls import CRLCache
from newel.validation.delegation import UnusableResponderError
from newel.validation.http import Web
from newel.validation.issuers import Issuers, UnusableIssuerError, load_issuers
from newel.validation.metrics import Metrics
from newel.validation.responder import Responder
from newel.validation.response_cache import ResponseCache
from newel.validation.response_signer import OCSPTimes, ResponseSigner
from newel.validation.scopes import build_scopes
from newel.validation.sources import build_sources
from newel.validation.stateless.config import Config
from newel.validation.stateless.keys import ResponderKeyFile
from newel.validation.stateless.statuses import ListedStatuses, Statuses

_NO_LAG = 1 << 40
"""Seconds: answers end with their list, and not for a lack of news from an issuing authority."""


@dataclass(frozen=True, slots=True)
class Parts:
    """The parts of the responder, for its process and for tests."""

    web: Web
    watch: "FileWatch"


class FileWatch:
    """Reads the files again, and says whether this process can answer."""

    def __init__(
        self,
        issuers: Issuers,
        statuses: Statuses,
        key_files: dict[str, ResponderKeyFile],
        crl_cache: CRLCache,
        clock: Clock,
        metrics: Metrics,
    ) -> None:
        self._issuers = issuers
        self._statuses = statuses
        self._key_files = key_files
        self._crl_cache = crl_cache
        self._clock = clock
        self._metrics = metrics

    async def sign(self, key: str, body: bytes) -> bytes:
        """Sign with the responder key of this name."""
        return await self._key_files[key].sign(body)

    async def refresh(self) -> None:
        """Read what changed of lists, certificates and keys, and set the gauges."""
        await run_in_thread(self._refresh)
        now = int(self._clock.unix())
        for issuer in self._issuers:
            until = issuer.delegation.valid_until(now)
            self._metrics.responder_not_after.labels(issuer.id).set(until)
            crl = self._crl_cache.crl(issuer.id)
            if crl is not None:
                self._metrics.measure_crl(issuer.id, crl.number, crl.entries, len(crl.der))
                self._metrics.crl_next_update.labels(issuer.id).set(crl.next_update)

    def _refresh(self) -> None:
        for each in self._key_files.values():
            each.refresh()
        for issuer in self._issuers:
            issuer.delegation.refresh()
        self._statuses.refresh()

    async def ready(self) -> None:
        """Raise NewelError ``unavailable`` with what is missing."""
        for issuer in self._issuers:
            self._statuses.period(issuer.id)
            try:
                issuer.delegation.responder(int(self._clock.unix()))
            except UnusableResponderError as error:
                raise NewelError(
                    ErrorType.UNAVAILABLE, f"no OCSP responder for {issuer.id}: {error}"
                ) from None


def build(config: Config, clock: Clock, registry: CollectorRegistry) -> Service:
    """Build the service. Raises ConfigError for files that it cannot start with."""
    parts = assemble(config, clock, registry)
    poll = repeat_every(config.poll_every.total_seconds(), parts.watch.refresh)
    return Service(
        name="responder",
        web={"http": parts.web},
        uncounted=("/ocsp",),  # OCSP has its own count, by response
        tasks={"files": poll},
        start=(parts.watch.refresh,),
        ready=parts.watch.ready,
    )


def assemble(config: Config, clock: Clock, registry: CollectorRegistry) -> Parts:
    """Make the parts. Raises what :func:`build` raises."""
    metrics = Metrics(registry)
    crl_cache = CRLCache(int(config.ocsp.max_age.total_seconds()))
    issuers, key_files = _load(config)
    listed = {
        issuer.id: ListedStatuses(
            issuer.certificate,
            each.crl_file,
            crl_cache,
            unlisted_is_good=each.unlisted == "good",
            distribution_point=each.distribution_point,
        )
        for issuer, each in zip(issuers, config.issuers, strict=True)
    }
    _show_what_unlisted_means(listed, registry)
    cache = ResponseCache(config.ocsp.cache_answers)
    statuses = Statuses(listed, clock, cache.clear)
    watch = FileWatch(issuers, statuses, key_files, crl_cache, clock, metrics)
    times = OCSPTimes(
        validity=int(config.ocsp.validity.total_seconds()),
        unknown_validity=int(config.ocsp.unknown_validity.total_seconds()),
        max_age=int(config.ocsp.max_age.total_seconds()),
        max_lag=_NO_LAG,
    )
    responder = Responder(
        issuers,
        times,
        statuses,
        ResponseSigner(watch.sign, times, clock, statuses.period),
        cache,
        statuses,
        clock,
        metrics,
        config.ocsp.max_waiting,
    )
    scopes = build_scopes(issuers, CRLConfig())
    return Parts(Web(responder, build_sources(issuers, (), scopes, crl_cache, None)), watch)


def _load(config: Config) -> tuple[Issuers, dict[str, ResponderKeyFile]]:
    """Read certificates and keys; the name of a key is the path of its file."""
    key_files: dict[str, ResponderKeyFile] = {}
    for each in config.issuers:
        name = str(each.responder_key_file)
        try:
            key_files[name] = ResponderKeyFile(each.responder_key_file, each.password_file)
        except (OSError, keys.InvalidKeyError) as error:
            raise ConfigError(f"{name}: {error}") from None
    records = [
        IssuerConfig(
            certificate_file=each.certificate_file,
            crl_key="",
            responder_key=str(each.responder_key_file),
            responder_certificate_file=each.responder_certificate_file,
        )
        for each in config.issuers
    ]
    try:
        issuers = load_issuers(records)
    except UnusableIssuerError as error:
        raise ConfigError(str(error)) from None
    for issuer, each in zip(issuers, config.issuers, strict=True):
        if not issuer.signs_crls:
            raise ConfigError(
                f"{each.certificate_file}: its key may not sign the CRL (its key usage)"
            )
    return issuers, key_files


def _show_what_unlisted_means(
    listed: dict[str, ListedStatuses], registry: CollectorRegistry
) -> None:
    gauge = Gauge(
        "newel_responder_unlisted_good",
        "Whether serial numbers that are not on the CRL are said to be good",
        ("issuer",),
        registry=registry,
    )
    for issuer, statuses in listed.items():
        gauge.labels(issuer).set(statuses.unlisted_is_good)
