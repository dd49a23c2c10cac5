"""Every metric of the signer. Labels are bounded by the configuration: keys, kinds, error names."""

from prometheus_client import CollectorRegistry, Counter, Gauge


class Metrics:
    """The counters and gauges of the signer."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._statements = Counter(
            "newel_signer_statements_total",
            "Statements received, by outcome (granted, or the name of an error)",
            ("key", "statement", "outcome"),
            registry=registry,
        )
        self._usable = Gauge(
            "newel_signer_key_usable",
            "1 if the key passed its last self-check, else 0",
            ("key",),
            registry=registry,
        )
        self._calls = Counter(
            "newel_signer_key_service_calls_total",
            "Signatures asked of a key service, by outcome (signed, failed, invalid)",
            ("key", "outcome"),
            registry=registry,
        )
        self._circuit = Gauge(
            "newel_signer_key_service_circuit_open",
            "1 while a key service is left alone after failures in a row, else 0",
            ("key",),
            registry=registry,
        )
        self._children: dict[tuple[str, str, str], Counter] = {}

    def count_statement(self, key: str, statement: str, outcome: str) -> None:
        """Count one statement; ``key`` is empty when no key has the requested name."""
        labels = (key or "unknown", statement, outcome or "granted")
        child = self._children.get(labels)
        if child is None:
            child = self._children[labels] = self._statements.labels(*labels)
        child.inc()

    def count_service_call(self, key: str, outcome: str) -> None:
        """Count one signature that was asked of a key service."""
        self._calls.labels(key, outcome).inc()

    def set_circuit_open(self, key: str, is_open: bool) -> None:
        """Record whether the circuit of a key's service is open."""
        self._circuit.labels(key).set(is_open)

    def set_key_usable(self, key: str, *, usable: bool) -> None:
        """Record whether a key passed its self-check."""
        self._usable.labels(key).set(usable)
