"""The units of systemd that keep the key revocation list of a host up to date."""

import os
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

from newel.cli.store import atomic_write, steppath
from newel.cli.store.atomic_write import Target

SERVICE, TIMER = "newel-ssh-krl.service", "newel-ssh-krl.timer"
_MODE = 0o644
_SERVICE = """\
# Keeps the list of revoked SSH certificates that sshd reads up to date.

[Unit]
Description=Fetch the list of revoked SSH certificates
After=network-online.target
Wants=network-online.target
StartLimitIntervalSec=0

[Service]
{kind}
Environment={steppath}
ExecStart={command}
TimeoutStartSec=120
CapabilityBoundingSet=CAP_DAC_OVERRIDE CAP_CHOWN CAP_FOWNER
NoNewPrivileges=yes
LockPersonality=yes
PrivateDevices=yes
ProtectClock=yes
ProtectControlGroups=yes
ProtectHome=read-only
ProtectHostname=yes
ProtectKernelLogs=yes
ProtectKernelModules=yes
ProtectKernelTunables=yes
ProtectSystem=full
ReadWritePaths={folders}
RestrictAddressFamilies=AF_INET AF_INET6 AF_UNIX
RestrictNamespaces=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
SystemCallArchitectures=native
UMask=0022
"""
_INSTALL = """
[Install]
WantedBy=multi-user.target
"""
_TIMER = """\
# Asks for the list of revoked SSH certificates once a minute: systemctl edit newel-ssh-krl.timer changes that.

[Unit]
Description=Ask for the list of revoked SSH certificates

[Timer]
OnBootSec=10s
OnUnitInactiveSec=1min
AccuracySec=1s

[Install]
WantedBy=timers.target
"""


def make_units(
    file: Path, *, daemon: bool, arguments: Sequence[str], metrics: Path | None
) -> dict[str, str]:
    """Return the units by their names: a service and its timer or, with ``daemon``, a service that stays.

    ``arguments`` are further ones of `ssh krl`.
    """
    program = os.path.abspath(shutil.which(sys.argv[0]) or sys.argv[0])  # noqa: PTH100 - links stay
    words = [program, "ssh", "krl", "--install", str(file.absolute()), *arguments]
    folders = {str(each.absolute().parent) for each in (file, metrics) if each is not None}
    service = _SERVICE.format(
        kind="Type=exec\nRestart=always\nRestartSec=5" if daemon else "Type=oneshot",
        steppath=_quote(f"STEPPATH={steppath.base()}"),
        command=" ".join(_quote(each).replace("$", "$$") for each in words),
        folders=" ".join(_quote(each) for each in sorted(folders)),
    )
    return {SERVICE: service + _INSTALL} if daemon else {SERVICE: service, TIMER: _TIMER}


def write_units(folder: Path, units: dict[str, str], *, force: bool) -> str:
    """Write the units, and return the one to be enabled. Raises CliError."""
    targets = [Target(str(folder / name), text.encode(), _MODE) for name, text in units.items()]
    atomic_write.allow([each.name for each in targets], force=force)
    atomic_write.write_all(targets)
    return TIMER if TIMER in units else SERVICE


def _quote(word: str) -> str:
    """Quote a word as systemd.syntax(7) takes it, without its specifiers."""
    escaped = word.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%")
    return f'"{escaped}"'
