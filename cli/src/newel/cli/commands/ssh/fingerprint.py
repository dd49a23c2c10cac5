"""`newel ssh fingerprint`: size, digest, comment and kind of an SSH key or certificate."""

from typing import TYPE_CHECKING

from newel.cli.errors import CliError
from newel.cli.operations.ssh.fingerprints import describe
from newel.cli.store.files import read
from newel.crypto.ssh.public_keys import read_line
from newel.crypto.ssh.wire import WireError

if TYPE_CHECKING:
    from newel.cli.options.records.ssh import SSHFingerprintOptions


def run(options: "SSHFingerprintOptions") -> None:
    """Print the fingerprint of a file or of stdin."""
    name = (options.positionals(0, 1) or ["-"])[0]
    data = read(name)
    try:
        line = read_line(data)
    except WireError as error:
        raise CliError(f"error parsing public key: {error}") from None
    try:
        form = options.format or "base64-raw"
        text = describe(line, form, whole=options.certificate)
    except WireError as error:
        raise CliError(str(error)) from None
    if options.json:
        from newel.cli.interact.terminal import show_json

        size, digest, rest = text.split(" ", 2)
        kind = rest.rsplit("(", 1)[1].rstrip(")")
        show_json({"size": int(size), "fingerprint": digest, "comment": line.comment, "type": kind})
    else:
        print(text)
