"""Name policies and the names asked of each: what the verdicts of step-ca are recorded over.

``python -m conformance.record_policies`` asks the real step-ca and writes ``policy_verdicts.json``.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

VERDICTS = Path(__file__).with_name("policy_verdicts.json")

POLICIES: dict[str, dict[str, Any]] = {
    "nothing": {},
    "no names": {"allow": {"dns": []}, "deny": {}, "allowWildcardNames": False},
    "allow a host": {"allow": {"dns": ["example.com"]}},
    "allow one label more": {"allow": {"dns": ["*.example.com"]}},
    "allow one label more, wildcards": {"allow": {"dns": ["*.example.com"]}, "allowWildcardNames": True},
    "allow a host in capitals": {"allow": {"dns": ["EXAMPLE.com", "B\u00dcCHER.example"]}},
    "deny a host": {"deny": {"dns": ["example.com"]}},
    "deny one label more": {"deny": {"dns": ["*.example.com"]}},
    "deny one label more, wildcards": {"deny": {"dns": ["*.example.com"]}, "allowWildcardNames": True},
    "deny below what is allowed": {
        "allow": {"dns": ["*.example.com", "example.com"]}, "deny": {"dns": ["bad.example.com"]},
        "allowWildcardNames": True,
    },
    "allow a network": {"allow": {"ip": ["10.0.0.0/8", "2001:db8::/32", "192.0.2.7"]}},
    "deny a network": {"deny": {"ip": ["10.1.0.0/16", "2001:db8::/32", "::ffff:192.0.2.0/120"]}},
    "allow and deny networks": {
        "allow": {"ip": ["10.0.0.0/8"], "dns": ["example.com"]}, "deny": {"ip": ["10.1.2.3/24"]},
    },
    "allow a mailbox": {"allow": {"email": ["alice@example.com"]}},
    "allow every mailbox of a host": {"allow": {"email": ["@example.com", "example.org"]}},
    "deny a mailbox": {"deny": {"email": ["alice@example.com", "@example.org"]}},
    "allow hosts of URIs": {"allow": {"uri": ["example.com", "*.example.org"]}},
    "deny hosts of URIs": {"deny": {"uri": ["example.com", "*.example.org"]}},
    "allow a common name": {"allow": {"cn": ["Alice Smith", "example.com", "10.0.0.1"]}},
    "deny a common name": {"deny": {"cn": ["Alice Smith", "bad.example.com"]}},
    "allow common names and hosts": {"allow": {"cn": ["Alice Smith"], "dns": ["*.example.com"]}},
    "deny common names, allow hosts": {
        "allow": {"dns": ["*.example.com"]}, "deny": {"cn": ["bad.example.com", "Alice Smith"]},
    },
    "allow mailboxes, deny hosts": {"allow": {"email": ["@example.com"]}, "deny": {"dns": ["example.com"]}},
    "everything": {
        "allow": {
            "cn": ["Service"], "dns": ["*.example.com"], "ip": ["10.0.0.0/8"], "email": ["@example.com"],
            "uri": ["example.com"],
        },
        "deny": {"dns": ["bad.example.com"], "ip": ["10.9.0.0/16"], "email": ["root@example.com"]},
    },
}  # fmt: skip # a table

NAMES: tuple[tuple[str, ...], ...] = (
    ("example.com",), ("EXAMPLE.com",), ("www.example.com",), ("a.b.example.com",), ("bad.example.com",),
    ("notexample.com",), ("*.example.com",), ("*.www.example.com",), ("localhost",), ("example.org",),
    ("xn--bcher-kva.example",), ("www.example.com", "other.test"), ("www.example.com", "10.0.0.1"),
    ("10.0.0.1",), ("10.1.2.9",), ("10.9.0.1",), ("192.0.2.7",), ("192.0.2.8",), ("2001:db8::1",),
    ("2001:db9::1",), ("::ffff:10.1.2.3",), ("alice@example.com",), ("Alice@example.com",),
    ("alice@EXAMPLE.com",), ("bob@example.com",), ("root@example.com",), ("bob@www.example.com",),
    ("bob@example.org",), ("https://example.com/a",), ("https://www.example.com",),
    ("https://www.example.org:8443/b",), ("https://a.b.example.org",), ("spiffe://example.com/x",),
    ("urn:uuid:2c1a9f0e-0a4f-4b0e-8f3c-2a2a2a2a2a2a",), ("https://10.0.0.1/",), ("https://[2001:db8::1]/",),
)  # fmt: skip # a table
"""Subject alternative names of a certificate without a common name."""

COMMON_NAMES = (
    "Alice Smith", "ALICE SMITH", "Bob", "Service", "example.com", "www.example.com", "bad.example.com",
    "a.b.example.com", "*.example.com", "10.0.0.1", "10.9.0.1", "alice@example.com", "root@example.com",
    "https://example.com/a", "urn:x:y",
)  # fmt: skip # a table
"""Common names of certificates without other names."""


class Question(NamedTuple):
    """What one policy is asked: names, or a common name alone."""

    policy: str
    names: tuple[str, ...] = ()
    common_name: str = ""

    @property
    def key(self) -> str:
        """The question in the recorded verdicts."""
        return f"CN={self.common_name}" if self.common_name else " ".join(self.names)


def questions(policy: str) -> Iterator[Question]:
    """Ask everything of one policy."""
    for names in NAMES:
        yield Question(policy, names)
    for name in COMMON_NAMES:
        yield Question(policy, (), name)


def read_verdicts() -> dict[str, dict[str, list[Any]]]:
    """Return step-ca's verdicts: by policy and question the status and the message."""
    return json.loads(VERDICTS.read_text())
