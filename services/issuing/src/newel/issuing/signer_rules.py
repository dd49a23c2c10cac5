"""What the signer has to allow so that every certificate of the profiles can be signed.

The profiles say once what callers may ask for. The rules of the signer's key follow from them: in one
process they are generated, and for a signer of its own this program prints them::

    python -m newel.issuing.signer_rules --config issuing.toml

The signer reads them from its own file, never from the issuing authority: a service that could change
its own limits would have none.
"""

import argparse
import datetime as dt
import json
import sys
from pathlib import Path
from typing import Any

from newel.durations.go import format_duration
from newel.issuing.config import Config
from newel.runtime.config import ConfigError, load_table, validate


def _to_toml(value: Any) -> str:
    return json.dumps(format_duration(value) if isinstance(value, dt.timedelta) else value)


def main() -> int:
    """Print the rules as lines of TOML; return the program's exit status."""
    parser = argparse.ArgumentParser(allow_abbrev=False, prog="newel.issuing.signer_rules")
    parser.add_argument("--config", type=Path, required=True, metavar="FILE")
    options = parser.parse_args()
    try:
        table = load_table(options.config)
        table.pop("runtime", None)
        config = validate(Config, table, str(options.config))
    except ConfigError as error:
        sys.stderr.write(f"newel.issuing.signer_rules: {error}\n")
        return 2
    sys.stdout.write("[keys.certificates]\n")
    for name, value in config.certificate_rules().items():
        sys.stdout.write(f"{name} = {_to_toml(value)}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
