"""Every metric of the signer. Labels are bounded by the configuration: keys, kinds, error names."""

from prometheus_client import CollectorRegistry, Counter, Gauge


class Metrics:
    """What the signer counts."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._statements = Counter(
            "newel_signer_statements_total",
            "Statements asked to be signed, by what became of them (an error's name, or granted)",
            ("key", "statement", "outcome"),
            registry=registry,
        )
        self._usable = Gauge(
            "newel_signer_key_usable",
            "1 while the key passed its last trial, else 0",
            ("key",),
            registry=registry,
        )
        self._children: dict[tuple[str, str, str], Counter] = {}

    def signed(self, key: str, statement: str, outcome: str) -> None:
        """Counts one statement; ``key`` is empty when there is none of that name."""
        labels = (key or "unknown", statement, outcome or "granted")
        child = self._children.get(labels)
        if child is None:
            child = self._children[labels] = self._statements.labels(*labels)
        child.inc()

    def key_usable(self, key: str, usable: bool) -> None:
        """Says whether a key passed its trial."""
        self._usable.labels(key).set(usable)
