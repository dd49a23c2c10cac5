"""`newel certificate inspect`: what a certificate, a request or a server's chain says."""

import sys
from typing import TYPE_CHECKING

from newel.cli.errors import CliError, UsageError
from newel.cli.operations.certificates import sources
from newel.crypto import der

if TYPE_CHECKING:
    from collections.abc import Sequence

    from newel.cli.options.records.certificate import CertificateInspectOptions
    from newel.crypto.reader.certificates import Certificate, Request

FORMATS = ("text", "json", "pem")


def run(options: "CertificateInspectOptions") -> None:
    """Shows the first certificate, with --bundle all, or the request."""
    name = (options.positionals(0, 1) or ["-"])[0]
    form, short = chosen(options)
    if sources.is_url(name):
        shown = sources.certificates(options, name, insecure=options.insecure)
    else:
        data = sources.contents(name, f"error reading file {name}: ")
        try:
            shown = sources.bundle(data, name)
        except sources.NoCertificateError:
            show_request(data, name, form, short=short)
            return
    listed = shown if options.bundle else shown[:1]
    sys.stdout.write(printed(listed, form, short=short, name=name))


def chosen(options: "CertificateInspectOptions") -> tuple[str, bool]:
    """The format and whether it is to be short."""
    form = "json" if options.json and not options.given("format") else options.format or "text"
    if form not in FORMATS:
        raise UsageError(
            f"invalid value '{form}' for flag '--format'; options are {', '.join(FORMATS)}"
        )
    short = options.short
    if short and form != "text":
        raise UsageError(f"flag '--short' is incompatible with '--format {form}'")
    return form, short


def printed(listed: "Sequence[Certificate]", form: str, *, short: bool, name: str) -> str:
    """Certificates in one of the formats."""
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
    """A request in one of the formats; anything else is refused."""
    shown = sources.request(data)
    if shown is None:
        raise CliError(
            f"file {name} does not contain any valid CERTIFICATE or CERTIFICATE REQUEST blocks"
        )
    try:
        sys.stdout.write(printed_request(shown, form, short=short))
    except der.DERError as error:
        raise CliError(f"error parsing {name}: x509: malformed request: {error}") from None


def printed_request(shown: "Request", form: str, *, short: bool) -> str:
    """A request in one of the formats."""
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
