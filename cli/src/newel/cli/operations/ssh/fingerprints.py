"""The line ssh-keygen -l prints of a key or certificate."""

from newel.cli.render.fingerprint import format_fingerprint
from newel.crypto.ssh import certificates, public_keys
from newel.crypto.ssh.public_keys import Line
from newel.crypto.ssh.wire import WireError


def describe(line: Line, form: str = "base64-raw", *, whole: bool = False) -> str:
    """``256 SHA256:… comment (ECDSA-CERT)``; the digest is that of the key within a certificate.

    ``whole`` takes the certificate itself instead. Raises WireError, UsageError.
    """
    if whole and not line.certificate:
        raise WireError("cannot fingerprint SSH key as SSH certificate")
    key = certificates.parse(line.wire).public_key if line.certificate else line.wire
    kind, size = public_keys.kind_and_size(key)
    digest = format_fingerprint(public_keys.fingerprint(line.wire if whole else key), form)
    suffix = "-CERT" if line.certificate else ""
    return f"{size} SHA256:{digest} {line.comment or 'no comment'} ({kind}{suffix})"
