"""`newel ssh krl`: the list of revoked certificates that sshd reads, printed or kept in a file."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from newel.cli.errors import UsageError
from newel.cli.operations.ssh import revocation_list
from newel.cli.options.groups import authority_options

if TYPE_CHECKING:
    from newel.cli.options.records.ssh import SSHKrlOptions


def run(options: "SSHKrlOptions") -> int:
    """Write the list to standard output, or install it, once or until a signal stops it."""
    options.positionals(0)
    authority = authority_options(options)
    if options.install is None:
        if options.daemon:
            raise UsageError("flag '--daemon' requires the '--install' flag")
        data = revocation_list.fetch(authority)
        revocation_list.check(data)
        sys.stdout.buffer.write(data)
        return 0
    file = Path(options.install)
    if options.daemon:
        from newel.cli.operations.renewal.renewal_daemon import log

        return revocation_list.keep(authority, file, log)
    found = revocation_list.install(authority, file)
    if found is None:
        print(f"{file} is up to date.")
    else:
        print(f"The key revocation list of version {found.version} is installed in {file}.")
    return 0
