"""`make bench OPTIONS="--operations replacement"`: all ACME certificates replaced, as RFC 9773 tells clients.

Prints how long it took, what a minute brought, and what other routes took meanwhile. Nothing here is a test:
`tests/faults/test_mass_replacement.py` asserts that all are replaced and that nothing fails.
"""

import argparse
import json
from pathlib import Path

from fixtures.administrator import Administrator
from fixtures.fleet import serve_managed, start_fleet


def measure_replacement(arguments: argparse.Namespace, work: Path) -> None:
    """Measure one replacement, beside ``--spread`` seconds of clients that ask when to renew."""
    work.mkdir()
    with (
        serve_managed(work / "state", "--workers", str(arguments.workers)) as authority,
        start_fleet(
            authority, work, clients=arguments.certificates, accounts=arguments.clients,
            spread=arguments.spread, quiet=arguments.seconds,
        ) as fleet,
    ):  # fmt: skip # a command line
        phases = [fleet.read("issued"), fleet.read("quiet")]
        home = work / "home"
        home.mkdir()
        administrator = Administrator(authority, home).bootstrap()
        administrator.ours("ca", "acme", "replacement", "add", "all")
        fleet.go_on()
        phases.append(fleet.read("replaced"))
        listed = administrator.ours("ca", "acme", "replacement", "list", "--output", "json")
        phases.append({"phase": "listed", **json.loads(listed)[0]})
    for each in phases:
        print(json.dumps(each), flush=True)
