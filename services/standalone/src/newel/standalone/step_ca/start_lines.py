"""The lines that `step-ca` prints: those of the original that scripts and people look for."""

import sys
from pathlib import Path

from newel.crypto import certificate_files
from newel.runtime.clock import Clock
from newel.standalone.first_start import url_host
from newel.standalone.settings import Settings
from newel.step.fingerprint import fingerprint


class StartLines:
    """Reports to stderr, each line with the local time, as Go's log does."""

    def __init__(
        self, clock: Clock, version: str, config: str, context: str, *, quiet: bool
    ) -> None:
        self._clock = clock
        self._version = version
        self._config = config
        self._context = context
        self._quiet = quiet

    def announce(self, settings: Settings, https: str, http: str, metrics: str) -> None:
        """Print who serves, where, and by which root."""
        if not self._quiet:
            self._describe(settings, https)
        self._say(f"Serving HTTPS on {https} ...")
        for address in (http, metrics):
            if address:
                self._say(f"Serving HTTP on {address} ...")

    def reload(self) -> None:
        """Print that the configuration is read again."""
        self._say("reloading ...")

    def stop(self) -> None:
        """Print that the process drains."""
        self._say("shutting down ...")

    def _describe(self, settings: Settings, https: str) -> None:
        names = settings.dns_names
        url = f"https://{url_host(names[0])}:{https.rpartition(':')[2]}"
        self._say(f"Starting {self._version}")
        if self._context:
            self._say(f"Current context: {self._context}")
        self._say(f"Config file: {self._config}")
        self._say(f"The primary server URL is {url}")
        self._say(f"Root certificates are available at {url}/roots.pem")
        if len(names) > 1:
            self._say(f"Additional configured hostnames: {', '.join(names[1:])}")
        for file in settings.ca.roots:
            for der in certificate_files.read_certificates(Path(file)):
                self._say(f"X.509 Root Fingerprint: {fingerprint(der)}")

    def _say(self, text: str) -> None:
        now = self._clock.now().astimezone()
        print(f"{now:%Y/%m/%d %H:%M:%S} {text}", file=sys.stderr, flush=True)
