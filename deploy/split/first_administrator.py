"""An administrator's certificate in the state folder, where the command line finds it."""

import os
import subprocess
import sys
from pathlib import Path

from deploy.split.layout import Layout

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
        )  # fmt: skip
        if checked.returncode == 1:
            return
    subprocess.run(
        [
            newel, "ca", "certificate", SUBJECT, certificate, key, "--force", "--provisioner", PROVISIONER,
            "--password-file", layout.password,
        ],
        env=env, check=True, capture_output=True, stdin=subprocess.DEVNULL, text=True,
    )  # fmt: skip
