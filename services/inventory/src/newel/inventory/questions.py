"""What may be asked of the lists."""

from newel.runtime.database.listing import ListSpec

CERTIFICATES = ListSpec(
    {
        "state": ("active", "expired", "revoked"),
        "serial": "hex",
        "endpoint": "text",
        "issuer": "text",
        "provisioner": "text",
        "provisioner_type": "text",
        "subject": "text",
        "name": "text",
        "search": "text",
        "issued_after": "time",
        "issued_before": "time",
        "expires_after": "time",
        "expires_before": "time",
    },
    ("issued", "expires"),
)
ENDPOINTS = ListSpec(
    {
        "state": ("active", "expiring", "ended"),
        "provisioner": "text",
        "provisioner_type": "text",
        "subject": "text",
        "name": "text",
        "search": "text",
        "expires_after": "time",
        "expires_before": "time",
    },
    ("issued", "expires"),
)
