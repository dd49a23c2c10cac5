"""`newel ssh needs-renewal`: answers by its exit code, for timers and scripts."""

import os
from typing import TYPE_CHECKING

from newel.cli.errors import CliError
from newel.cli.operations.renewal import renewal_due
from newel.cli.operations.ssh.certificate_files import read_certificate
from newel.cli.store.files import read
from newel.crypto.ssh.certificates import FOREVER, moment

if TYPE_CHECKING:
    from newel.cli.options.records.ssh import SSHNeedsRenewalOptions


def run(options: "SSHNeedsRenewalOptions") -> int:
    """Return 0 when the certificate is due, 1 when it is not; 2 for no file, 255 for other errors."""
    return renewal_due.report(lambda: is_due(options), verbose=options.verbose, json=options.json)


def is_due(options: "SSHNeedsRenewalOptions") -> bool:
    """Say whether the certificate is due; one without an end never is."""
    from newel.client.clock import now

    name = (options.positionals(0, 1) or ["-"])[0]
    if name != "-" and not os.path.exists(name):  # noqa: PTH110 - pathlib is slow
        raise CliError(f"stat {name}: no such file or directory", code=renewal_due.NO_FILE)
    certificate = read_certificate(read(name))
    start, end = moment(certificate.valid_after), moment(certificate.valid_before)
    if renewal_due.is_due(options.expires_in, start, end, now()):
        return certificate.valid_before != FOREVER
    return False
