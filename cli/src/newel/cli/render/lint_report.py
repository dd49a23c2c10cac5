"""Results of lints in the shape that zlint's users know."""

import json
from collections.abc import Mapping

FAILED = frozenset({"fatal", "error", "warn", "info"})


def render(
    lints: Mapping[str, Mapping[str, str]], timestamp: int, *, failed_only: bool = False
) -> str:
    """Return the report as JSON; ``timestamp`` is in Unix seconds."""
    results = {each["result"] for each in lints.values()}
    shown = {
        "version": 3,
        "timestamp": timestamp,
        "lints": {
            rule: verdict
            for rule, verdict in sorted(lints.items())
            if verdict["result"] in FAILED or not failed_only
        },
        "notices_present": "info" in results,
        "warnings_present": "warn" in results,
        "errors_present": "error" in results,
        "fatals_present": "fatal" in results,
    }
    return json.dumps(shown, indent=1)
