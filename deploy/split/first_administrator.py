"""An administrator's certificate in the state folder, where the command line finds it."""

import os
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

from deploy.split.layout import Layout
from newel.crypto import pem
from newel.crypto.loading import load_certificate
from newel.runtime.clock import SystemClock

SUBJECT = PROVISIONER = "admin"
"""As ``deploy/config/inventory.toml`` names the administrator."""


def make(layout: Layout) -> None:
    """Get a certificate from the running authority unless a valid one is there.

    Raises CalledProcessError.
    """
    certificate = layout.certs / "administrator.crt"
    key = layout.state / "secrets/administrator_key"
    newel = Path(sys.executable).with_name("newel")
    env = {**os.environ, "STEPPATH": str(layout.state)}
    if certificate.exists() and key.exists():
        # 1: too early to renew it; 0: due, which the command line sees to while it is valid
        checked = subprocess.run(
            [newel, "certificate", "needs-renewal", "--expires-in", "1m", certificate],
            env=env, check=False, capture_output=True,
        )  # fmt: skip # a command line
        if checked.returncode == 1:
            return
    subprocess.run(
        [
            newel, "ca", "certificate", SUBJECT, certificate, key, "--force", "--provisioner", PROVISIONER,
            "--password-file", layout.password,
        ],
        env=env, check=True, capture_output=True, stdin=subprocess.DEVNULL, text=True,
    )  # fmt: skip # a command line


RENEW_AFTER = 0.7
"""Of the certificate's life: after the command line has renewed what it uses, before anyone is alerted."""
_LOOKS_EVERY = 60.0


@dataclass(slots=True)
class Keeper:
    """Renews the certificate while the deployment runs, so that one that no one uses alerts no one.

    The renewal is a process of its own: the parts are watched meanwhile. One that is refused, because the
    certificate is revoked, or that fails is tried again at the next look.
    """

    layout: Layout
    looked: float = field(default_factory=time.monotonic)
    renewing: "subprocess.Popen[bytes] | None" = None

    def look(self) -> None:
        """Start a renewal when it is due; to be called as often as the parts are looked at."""
        now = time.monotonic()
        if now - self.looked < _LOOKS_EVERY:
            return
        if self.renewing is not None and self.renewing.poll() is None:
            return
        self.looked = now
        certificate = self.layout.certs / "administrator.crt"
        try:
            due = is_due(certificate)
        except OSError as error:
            sys.stderr.write(f"the administrator's certificate is not renewed: {error}\n")
            return
        if due:
            newel = Path(sys.executable).with_name("newel")
            key = self.layout.state / "secrets/administrator_key"
            self.renewing = subprocess.Popen(
                [newel, "ca", "renew", "--force", certificate, key],
                env={**os.environ, "STEPPATH": str(self.layout.state)},
                stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            )  # fmt: skip # a command line


def is_due(file: Path) -> bool:
    """Whether a certificate is still valid and has had its time; False for a file that is none.

    Raises OSError for a file that is there and cannot be read.
    """
    try:
        certificate = load_certificate(pem.decode_all(file.read_bytes())[0])
    except (FileNotFoundError, ValueError):
        return False  # the program that removed or replaced it wants none
    begin, end = certificate.not_valid_before_utc, certificate.not_valid_after_utc
    return begin + (end - begin) * RENEW_AFTER <= SystemClock().now() < end
