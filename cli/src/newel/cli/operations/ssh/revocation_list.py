"""The key revocation list on a host: verified by its signature, checked whole, replaced by a rename.

The keys that may sign it come from the authority under the pinned root; the list may come from anywhere.
sshd refuses every key while the file that its RevokedKeys names cannot be read. So the file is only ever
replaced by a whole list that is not older than the one before.
"""

import hashlib
import signal
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from newel.cli.errors import CliError
from newel.cli.operations.connection import connect
from newel.cli.operations.ssh import authorities
from newel.cli.operations.ssh.revocation_age import ListAge, read_installed
from newel.cli.store import atomic_write
from newel.cli.store.atomic_write import Target
from newel.crypto.ssh import detached, krl
from newel.crypto.ssh.krl import KRL
from newel.crypto.ssh.wire import WireError

if TYPE_CHECKING:
    from newel.cli.operations.connection import AuthorityOptions
    from newel.client.authority import Authority

NOT_MODIFIED, NOT_FOUND = 304, 404
MODE = 0o644
"""Of a new file: sshd reads it as the user who logs in, in some of its versions."""
EVERY = 2.0
"""Seconds between questions: a revocation is on the host within five."""
PATIENCE = 20.0
"""Seconds to ask again in: an authority that has just started for the first time has no list yet."""


class SignatureError(CliError):
    """A list without a signature by a key of the authority."""


def fetch(
    authority: "AuthorityOptions", installed: bytes = b"", patience: float = PATIENCE
) -> bytes:
    """Return the authority's list, whose signature verifies; ``installed`` itself when nothing has changed.

    Where the authority says when to ask again, it is asked again as long as that is within the seconds
    of ``patience``; so it is when the list was replaced between the two questions. Raises CliError.
    """
    from newel.cli.operations.ssh import revocation_source
    from newel.client.errors import RefusedError

    headers = {}
    if installed:
        headers["If-None-Match"] = f'"{hashlib.sha256(installed).hexdigest()}"'
    end = time.monotonic() + patience
    with connect(authority) as connection:
        while True:
            try:
                data = revocation_source.get(connection, revocation_source.PATH, headers)
                verify(connection, data, _signature(connection))
            except SignatureError:
                pause = 1
                if time.monotonic() + pause > end:
                    raise
            except RefusedError as error:
                if error.status == NOT_MODIFIED and installed:
                    return installed
                pause = max(1, error.retry_after or 0)
                if error.retry_after is None or time.monotonic() + pause > end:
                    raise
            else:
                return data
            time.sleep(pause)


def _signature(connection: "Authority") -> bytes:
    from newel.cli.operations.ssh import revocation_source
    from newel.client.errors import RefusedError

    try:
        return revocation_source.get(connection, revocation_source.SIGNATURE_PATH, {})
    except RefusedError as error:
        if error.status != NOT_FOUND:
            raise
        raise CliError(
            "the authority does not sign its key revocation list, and nothing else vouches for it: update the"
            " authority, or set ssh.krl_key of its validation authority"
        ) from None


def verify(connection: "Authority", data: bytes, signature: bytes) -> None:
    """Verify a list by the keys that the authority signs SSH certificates with. Raises SignatureError."""
    keys = authorities.keys(connection)
    try:
        detached.verify(signature, detached.KRL_NAMESPACE, data, {*keys.user, *keys.host})
    except WireError as error:
        raise SignatureError(
            f"the signature of the authority's key revocation list is not accepted: {error}"
        ) from None


def check(data: bytes) -> KRL:
    """Parse a list. Raises CliError for anything that sshd would not read."""
    try:
        return krl.parse(data)
    except WireError as error:
        raise CliError(f"the authority's key revocation list cannot be used: {error}") from None


def install(authority: "AuthorityOptions", file: Path, patience: float = PATIENCE) -> KRL | None:
    """Replace the file when the authority has a newer list; return that, or None. Raises CliError."""
    installed = read_installed(file)
    data = fetch(authority, installed, patience)
    if data == installed:
        return None
    found = check(data)
    if installed:
        before = krl.parse(installed)
        if found.version < before.version:
            raise CliError(
                f"the authority's list has version {found.version}, which is older than version"
                f" {before.version} in {file}: it is not installed"
            )
    atomic_write.write_all([Target(str(file), data, MODE)])
    return found


def keep(
    authority: "AuthorityOptions",
    file: Path,
    log: Callable[[str, str], None],
    every: float = EVERY,
    age: ListAge | None = None,
) -> int:
    """Keep the file up to date until a signal stops it; failures are logged once, and tried again.

    So is what ``age`` warns of: a list that has become old.
    """
    from newel.client.clock import now

    stop = threading.Event()

    def handle_signal(_number: int, _frame: object) -> None:
        stop.set()

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, handle_signal)
    fault, warning = "", ""
    while not stop.is_set():
        try:
            # a list that is replaced between the questions is asked for once more
            found = install(authority, file, patience=every)
            if age is not None:
                age.confirm(now())
            if found is not None:
                log(f"{file}: key revocation list of version {found.version} is installed", "INFO")
            elif fault:
                log("the authority answers again", "INFO")
            fault = ""
        except CliError as error:
            if str(error) != fault:
                log(f"error updating {file}: {error}", "ERROR")
            fault = str(error)
        before, warning = warning, _look(age)
        if warning and warning != before:
            log(warning, "ERROR")
        stop.wait(every)
    return 0


def _look(age: ListAge | None) -> str:
    from newel.client.clock import now

    if age is None:
        return ""
    try:
        return age.look(now())
    except CliError as error:
        return str(error)
