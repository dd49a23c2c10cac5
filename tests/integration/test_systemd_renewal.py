"""The renewing units: systemd reads every line, and the command line takes the commands in them."""

import os
import re
import subprocess
from pathlib import Path

import pytest

from fixtures.running import NEWEL, run
from newel.cli.options.grammar import find
from newel.cli.options.invocation import Invocation

UNITS = Path(__file__).parents[2] / "deploy/systemd"
NAMES = {
    "cert-renewer@.service": "cert-renewer@nginx.service",
    "cert-renewer@.timer": "cert-renewer@nginx.timer",
    "cert-renewer.target": "cert-renewer.target",
    "ssh-cert-renewer.service": "ssh-cert-renewer.service",
    "ssh-cert-renewer.timer": "ssh-cert-renewer.timer",
}


@pytest.mark.needs("systemd-analyze")
def test_systemd_understands_every_line(tmp_path: Path) -> None:
    for unit, name in NAMES.items():
        text = (UNITS / unit).read_text().replace("/opt/newel/bin/newel", "/bin/true")
        for place in {unit, name}:
            (tmp_path / place).write_text(text)
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", *(str(tmp_path / name) for name in NAMES.values())],
        env={**os.environ, "SYSTEMD_UNIT_PATH": f"{tmp_path}:"},
        capture_output=True, text=True, check=False,
    )  # fmt: skip # a command line
    ours = [line for line in done.stderr.splitlines() if "cert-renewer" in line]
    assert (done.returncode, ours) == (0, []), done.stderr


@pytest.mark.parametrize("unit", ["cert-renewer@.service", "ssh-cert-renewer.service"])
def test_the_command_line_takes_what_the_units_say(unit: str) -> None:
    lines = re.findall(
        r"^Exec(?:Condition|Start)=/opt/newel/bin/newel (.*)$",
        (UNITS / unit).read_text(),
        re.MULTILINE,
    )
    assert len(lines) == 2
    for line in lines:
        command, rest = find(line.split())
        assert command is not None
        call = Invocation(command, rest)
        assert len(call.args) == len(command.positionals)


def test_the_condition_renews_late_certificates_and_skips_early_and_missing_ones(
    tmp_path: Path,
) -> None:
    """Of a condition's exit codes 0 goes on and 1 to 254 end the unit without failure."""
    for days in ("1", "30"):
        run(
            [
                "openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
                "-nodes", "-subj", "/CN=x", "-days", days, "-keyout", tmp_path / "key",
                "-out", tmp_path / f"{days}.crt",
            ]
        )  # fmt: skip # a command line
    environment = {**os.environ, "STEPPATH": str(tmp_path)}
    said = [
        subprocess.run(
            [NEWEL, "certificate", "needs-renewal", str(tmp_path / name), *flags],
            env=environment, capture_output=True, check=False,
        ).returncode
        for name, *flags in (("1.crt", "--expires-in", "25h"), ("30.crt",), ("none.crt",))
    ]  # fmt: skip # a command line
    assert said == [0, 1, 2]
