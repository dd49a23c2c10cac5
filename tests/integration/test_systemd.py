"""The systemd units: systemd itself reads them, and finds little that a break-in could use."""

import re
import subprocess
from pathlib import Path

import pytest

pytestmark = pytest.mark.needs("systemd-analyze")

UNITS = Path(__file__).parents[2] / "deploy/systemd"
WORST_EXPOSURE = 2.5  # of 10; what systemd calls OK ends at 5


@pytest.fixture
def program(tmp_path: Path) -> Path:
    """The units with a program that is there, and the template as one of its instances."""
    for unit, name in (
        ("newel.service", "newel.service"),
        ("newel@.service", "newel@signer.service"),
    ):
        text = (UNITS / unit).read_text()
        (tmp_path / name).write_text(re.sub(r"/opt/newel/bin/\w+", "/bin/true", text))
    return tmp_path


@pytest.mark.parametrize("unit", ["newel.service", "newel@signer.service"])
def test_systemd_understands_every_line(program: Path, unit: str) -> None:
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", "--recursive-errors=no", str(program / unit)],
        capture_output=True, text=True, check=False,
    )  # fmt: skip # a command line
    ours = [line for line in done.stderr.splitlines() if unit in line]
    assert done.returncode == 0, done.stderr
    assert ours == []


@pytest.mark.parametrize("unit", ["newel.service", "newel@signer.service"])
def test_a_service_has_few_rights(program: Path, unit: str) -> None:
    done = subprocess.run(
        ["systemd-analyze", "security", "--offline=yes", "--no-pager", str(program / unit)],
        capture_output=True, text=True, check=False,
    )  # fmt: skip # a command line
    found = re.search(r"Overall exposure level for \S+: ([0-9.]+)", done.stdout)
    assert found, done.stderr
    assert float(found[1]) <= WORST_EXPOSURE


def test_the_program_and_its_flags_exist() -> None:
    """What the unit starts is what `newel up` takes."""
    text = (UNITS / "newel.service").read_text()
    line = next(line for line in text.splitlines() if line.startswith("ExecStart="))
    words = line.split()[1:-1]
    from newel.standalone.options import parse

    options = parse(words[1:])
    assert words[0] == "up"
    assert options.state == Path("/var/lib/newel")
