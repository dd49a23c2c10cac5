"""`newel certificate fingerprint`: a certificate's digest in one of several spellings."""

import hashlib
from typing import TYPE_CHECKING

from newel.cli.errors import CliError, UsageError
from newel.cli.operations.certificates import file_or_server, sources
from newel.cli.render.fingerprint import format_fingerprint

if TYPE_CHECKING:
    from newel.cli.options.records.certificate import CertificateFingerprintOptions


def run(options: "CertificateFingerprintOptions") -> None:
    """Print the fingerprint of the first certificate, with --bundle of all, or of the request."""
    name = (options.positionals(0, 1) or ["-"])[0]
    short = options.sha1
    if short and not options.insecure:
        raise UsageError("flag '--sha' requires the '--insecure' flag")
    form = options.format or "hex"
    format_fingerprint(b"", form)
    listed = read_der(options, name)
    bundle = options.bundle
    algorithm = "sha1" if short else "sha256"
    digests = [
        format_fingerprint(hashlib.new(algorithm, one, usedforsecurity=False).digest(), form)
        for one in (listed if bundle else listed[:1])
    ]
    if options.json:
        from newel.cli.interact.terminal import show_json

        found = [{"algorithm": algorithm.upper(), "fingerprint": each} for each in digests]
        show_json(found if bundle else found[0])
        return
    for number, each in enumerate(digests):
        print(f"{number}: {each}" if bundle else each)


def read_der(options: "CertificateFingerprintOptions", name: str) -> list[bytes]:
    """Return the certificates in DER, or the one request."""
    if sources.is_url(name):
        return [
            one.der
            for one in file_or_server.read_certificates(
                name, roots=options.roots, servername=options.servername, insecure=options.insecure
            )
        ]
    data = sources.contents(name, f"error reading file {name}: ")
    try:
        return [one.der for one in sources.bundle(data, name)]
    except sources.NoCertificateError:
        request = sources.request(data)
        if request is None:
            raise CliError(
                f"file {name} does not contain any valid CERTIFICATE or CERTIFICATE REQUEST blocks"
            ) from None
        return [request.der]
