"""Which validation a public certificate's policies claim (CA/Browser Forum's object registry)."""

from newel.crypto import der, oids
from newel.crypto.reader import extensions as values
from newel.crypto.reader.certificates import Certificate

LEVELS = {
    "2.23.140.1.1": "EV",
    "2.23.140.1.3": "EV",
    "2.23.140.1.31": "EV",
    "2.16.840.1.114412.2.1": "EV",
    "2.23.140.1.2.2": "OV",
    "2.23.140.1.2.3": "OV",
    "2.16.840.1.114412.1.1": "OV",
    "2.23.140.1.2.1": "DV",
    "1.3.6.1.4.1.44947.1.1.1": "DV",
    "2.16.840.1.114412.1.2": "DV",
}
_ORDER = ("unknown", "DV", "OV", "EV")


def level(shown: Certificate) -> str:
    """Return the highest level that any policy stands for: unknown, DV, OV or EV."""
    value = shown.extension(oids.CERTIFICATE_POLICIES)
    try:
        claimed = [LEVELS.get(oid, "unknown") for oid, _ in values.policies(value)] if value else []
    except der.DERError:
        claimed = []
    return max(claimed, key=_ORDER.index, default="unknown")
