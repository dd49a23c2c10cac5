"""Measure what each member's own tests cover: `python tests/coverage_floors.py [MEMBER …]`.

Prints a line per member, and exits 1 when its tests fail or cover fewer lines and branches than its
floor. A floor is what was measured, rounded down: raise it when the coverage rises, never lower it.
"""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
FLOORS = {
    "libs/acme": 100,
    "libs/certtemplates": 56,
    "libs/client": 78,
    "libs/crypto": 95,
    "libs/durations": 99,
    "libs/gotemplate": 94,
    "libs/jose": 100,
    "libs/runtime": 81,
    "libs/scep": 94,
    "libs/step": 94,
    "services/alerting": 95,
    "services/dashboard": 90,
    "services/inventory": 97,
    "services/issuing": 94,
    "services/registration": 92,
    "services/signer": 89,
    "services/standalone": 58,
    "services/validation": 96,
}
"""Per cent of lines and branches. `proto` is generated; `cli` is tested as processes."""
COMPLETE = ("runtime/errors.py",)
"""Files of which every line and branch is covered."""


def measure(member: str) -> dict[str, Any]:
    """Run the tests of a member and return the report of its coverage.

    Raises CalledProcessError when a test fails.
    """
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder, "report.json")
        package = "newel." + member.rsplit("/", 1)[1]
        subprocess.run(
            [sys.executable, "-m", "pytest", "-n", "auto", "--dist", "loadfile",
             f"--cov={package}", f"--cov-report=json:{report}", member],
            cwd=ROOT,
            env=os.environ | {"COVERAGE_FILE": str(Path(folder, "data"))},
            check=True,
        )  # fmt: skip # a command line
        return json.loads(report.read_text())


def find_breaches(member: str, report: dict[str, Any]) -> list[str]:
    """List what a report has below the floor of its member."""
    covered, floor = report["totals"]["percent_covered"], FLOORS[member]
    print(f"{member}: {covered:.1f} % of lines and branches, the floor is {floor} %")
    found = (
        [f"{member}: {covered:.1f} % is below the floor of {floor} %"] if covered < floor else []
    )
    return found + [
        f"{name}: {file['summary']['percent_covered']:.1f} %, where every branch was covered"
        for name, file in report["files"].items()
        if name.endswith(COMPLETE) and file["summary"]["percent_covered"] < 100
    ]


def main(members: list[str]) -> int:
    """Measure these members, or all; print the breaches and return the exit status."""
    found: list[str] = []
    for member in members or FLOORS:
        try:
            found += find_breaches(member, measure(member))
        except subprocess.CalledProcessError:
            found.append(f"{member}: its tests fail")
    print("\n".join(found) or "coverage: no member below its floor")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
