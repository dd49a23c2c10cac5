"""The names of signature algorithms, as Go's x509 package has them."""

from typing import Any

from newel.certtemplates.json_fields import text
from newel.certtemplates.refusal import TemplateRefusedError

NAMES = (
    "SHA256-RSA",
    "SHA384-RSA",
    "SHA512-RSA",
    "SHA256-RSAPSS",
    "SHA384-RSAPSS",
    "SHA512-RSAPSS",
    "ECDSA-SHA256",
    "ECDSA-SHA384",
    "ECDSA-SHA512",
    "Ed25519",
)
BY_LOWER = {name.lower(): name for name in NAMES}
BROKEN = frozenset({"md2-rsa", "md5-rsa", "sha1-rsa", "dsa-sha1", "dsa-sha256", "ecdsa-sha1"})


def signature_algorithm(value: Any) -> str | None:
    """Return the algorithm of a name in any case; None for "", which leaves the choice to the key."""
    name = text(value).lower()
    if not name:
        return None
    if name in BROKEN:
        raise TemplateRefusedError(f"signatureAlgorithm {text(value)} is not made any more")
    if name not in BY_LOWER:
        raise TemplateRefusedError(f"unsupported signatureAlgorithm {text(value)}")
    return BY_LOWER[name]
