"""Metrics: each service lists its own in its ``metrics.py``, on a registry of its own, with bounded labels.

Names begin with ``newel_`` and use base units. Where dashboards for step-ca exist, the same figures are
shown under its names too (`Alias`).
"""

import platform
from collections.abc import Iterable, Iterator, Sequence
from importlib.metadata import version

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Histogram,
    Info,
    ProcessCollector,
    disable_created_metrics,
)
from prometheus_client.core import Metric
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest
from prometheus_client.registry import Collector

# When a counter was made is a family of its own for each counter, which no one reads
disable_created_metrics()

CONTENT_TYPE = CONTENT_TYPE_LATEST

FAST = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
"""Buckets in seconds for requests."""


def watch_process(registry: CollectorRegistry) -> None:
    """Export the process's CPU, memory, descriptors and start, and which build it runs."""
    ProcessCollector(registry=registry)
    build = Info(
        "newel_build", "The release and the Python that this process runs", registry=registry
    )
    build.info({"version": version("newel-runtime"), "python": platform.python_version()})


class HTTPMetrics:
    """The requests a service answered; ``route`` is a name from the service's own list."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.requests = Counter(
            "newel_http_requests_total",
            "HTTP requests answered",
            ("service", "route", "method", "status"),
            registry=registry,
        )
        self.seconds = Histogram(
            "newel_http_request_duration_seconds",
            "Time from request line to last octet",
            ("service", "route"),
            buckets=FAST,
            registry=registry,
        )


class Alias(Collector):
    """A second name of a metric, which dashboards of another program expect."""

    def __init__(self, source: Collector, name: str, registry: CollectorRegistry) -> None:
        self._source = source
        self._name = name
        registry.register(self)

    def collect(self) -> Iterator[Metric]:
        """Yield the source's samples, renamed."""
        for family in self._source.collect():
            renamed = Metric(self._name, family.documentation, family.type, family.unit)
            for sample in family.samples:
                suffix = sample.name.removeprefix(family.name)
                renamed.add_sample(self._name + suffix, sample.labels, sample.value)
            yield renamed

    def describe(self) -> Iterable[Metric]:
        """Return nothing: the names are known when they are collected."""
        return ()


def bound_label(value: str, known: Iterable[str], other: str = "other") -> str:
    """Return a label value of a closed set: an unknown value counts as ``other``."""
    return value if value in known else other


def expose(registries: Sequence[CollectorRegistry]) -> bytes:
    """Render several registries in the text format, with families of the same name joined."""
    if len(registries) == 1:
        return generate_latest(registries[0])
    joined = CollectorRegistry(auto_describe=False)
    joined.register(_JoinedCollector(registries))
    return generate_latest(joined)


class _JoinedCollector(Collector):
    def __init__(self, registries: Sequence[CollectorRegistry]) -> None:
        self._registries = registries

    def collect(self) -> Iterator[Metric]:
        families: dict[str, Metric] = {}
        for registry in self._registries:
            for family in registry.collect():
                known = families.setdefault(family.name, family)
                if known is not family:
                    known.samples.extend(family.samples)
        yield from families.values()

    def describe(self) -> Iterable[Metric]:
        return ()
