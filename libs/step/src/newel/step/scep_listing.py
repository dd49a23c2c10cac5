"""What authorities list of SCEP provisioners in the place of their secrets."""

from collections.abc import Mapping
from typing import Any

_REDACTED = "*** REDACTED ***"
_REDACTED_OCTETS = "KioqIFJFREFDVEVEICoqKg=="  # base64 of the same
SCEP_LISTED: Mapping[str, Any] = {
    "forceCN": False,
    "challenge": _REDACTED,
    "includeRoot": False,
    "excludeIntermediate": False,
    "minimumPublicKeyLength": 2048,
    "decrypterCertificate": _REDACTED_OCTETS,
    "decrypterKeyPEM": _REDACTED_OCTETS,
    "decrypterKey": _REDACTED,
    "decrypterKeyPassword": _REDACTED,
    "encryptionAlgorithmIdentifier": 0,
}
"""What step-ca lists of a SCEP provisioner whatever is in its record; other members are as they stand."""
