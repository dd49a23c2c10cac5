"""Files with SSH certificates, as ``ssh-keygen`` names them: ``*-cert.pub``."""

from newel.cli.errors import CliError
from newel.cli.store.files import read
from newel.crypto.ssh.certificates import Certificate, parse
from newel.crypto.ssh.public_keys import read_line
from newel.crypto.ssh.wire import WireError


def read_certificate(data: bytes, *, code: int = 1) -> Certificate:
    """Return the certificate of a ``-cert.pub`` file. Raises CliError with this exit code."""
    try:
        line = read_line(data)
        if line.certificate:
            return parse(line.wire, line.comment)
    except WireError as error:
        raise CliError(f"error parsing ssh certificate: {error}", code=code) from None
    raise CliError(f"error decoding ssh certificate: {line.type} is not a certificate", code=code)


def certificate_of(name: str) -> Certificate:
    """Return the certificate of a file. Raises CliError that names the file."""
    data = read(name)
    try:
        return read_certificate(data)
    except CliError as error:
        raise CliError(f"error parsing ssh public key from {name}: {error}") from None
