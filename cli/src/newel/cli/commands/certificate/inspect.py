"""`newel certificate inspect`: what a certificate, a request or a server's chain says."""

import sys
from typing import TYPE_CHECKING

from newel.cli.errors import CliError, UsageError
from newel.cli.operations.certificates import file_or_server, sources
from newel.crypto import der

if TYPE_CHECKING:
    from collections.abc import Sequence

    from newel.cli.options.records.certificate import CertificateInspectOptions
    from newel.crypto.reader.certificates import Certificate, Request

FORMATS = ("text", "json", "pem")


def run(options: "CertificateInspectOptions") -> None:
    """Show the first certificate, with --bundle all, or the request."""
    name = (options.positionals(0, 1) or ["-"])[0]
    form, short = choose_format(options)
    if sources.is_url(name):
        shown = file_or_server.read_certificates(
            name, roots=options.roots, servername=options.servername, insecure=options.insecure
        )
    else:
        data = sources.contents(name, f"error reading file {name}: ")
        try:
            shown = sources.bundle(data, name)
        except sources.NoCertificateError:
            show_request(data, name, form, short=short)
            return
    listed = shown if options.bundle else shown[:1]
    sys.stdout.write(format_certificates(listed, form, short=short, name=name))


def choose_format(options: "CertificateInspectOptions") -> tuple[str, bool]:
    """Return the format, and whether the text is short."""
    form = "json" if options.json and not options.is_given("format") else options.format or "text"
    if form not in FORMATS:
        raise UsageError(
            f"invalid value '{form}' for flag '--format'; options are {', '.join(FORMATS)}"
        )
    short = options.short
    if short and form != "text":
        raise UsageError(f"flag '--short' is incompatible with '--format {form}'")
    return form, short


def format_certificates(
    listed: "Sequence[Certificate]", form: str, *, short: bool, name: str
) -> str:
    """Return certificates in one of the formats."""
    if form == "pem":
        return "".join(sources.pem(one.der) for one in listed)
    try:
        if form == "json":
            from newel.cli.render.certificates.json_certificate import certificate_json

            found = [certificate_json(one) for one in listed]
            return json_text(found[0] if len(found) == 1 else found)
        if short:
            from newel.cli.render.certificates.summary import certificate_short

            return "".join(map(certificate_short, listed))
        from newel.cli.render.certificates.text import certificate_text

        return "".join(map(certificate_text, listed))
    except der.DERError as error:
        raise CliError(f"error parsing {name}: x509: malformed certificate: {error}") from None


def show_request(data: bytes, name: str, form: str, *, short: bool) -> None:
    """Print a request in one of the formats. Raises CliError for anything else."""
    shown = sources.request(data)
    if shown is None:
        raise CliError(
            f"file {name} does not contain any valid CERTIFICATE or CERTIFICATE REQUEST blocks"
        )
    try:
        sys.stdout.write(format_request(shown, form, short=short))
    except der.DERError as error:
        raise CliError(f"error parsing {name}: x509: malformed request: {error}") from None


def format_request(shown: "Request", form: str, *, short: bool) -> str:
    """Return a request in one of the formats."""
    if form == "pem":
        return sources.pem(shown.der, "CERTIFICATE REQUEST")
    if form == "json":
        from newel.cli.render.certificates.json_request import request_json

        return json_text(request_json(shown))
    if short:
        from newel.cli.render.certificates.summary import request_short

        return request_short(shown)
    from newel.cli.render.certificates.text import request_text

    return request_text(shown)


def json_text(value: object) -> str:
    """JSON with the characters escaped that Go escapes."""
    import json

    text = json.dumps(value, indent=2, ensure_ascii=False)
    for letter in "<>&\u2028\u2029":
        text = text.replace(letter, f"\\u{ord(letter):04x}")
    return text + "\n"
