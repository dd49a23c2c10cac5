"""`newel request`: a request to a service with a login's credential, or that credential for another program."""

import contextlib
import http.client
import sys
from typing import TYPE_CHECKING, BinaryIO

from newel.cli.errors import CliError, UsageError
from newel.cli.operations import connection, service_request
from newel.cli.operations.credentials import services
from newel.cli.operations.credentials.store import Logins, again
from newel.cli.options import output
from newel.cli.options.groups import authority_options
from newel.cli.options.invocation import context_of
from newel.cli.store import files

if TYPE_CHECKING:
    from newel.cli.operations.credentials.credential import Credential
    from newel.cli.options.records.request import RequestOptions

CHUNK = 1 << 16
REFUSED, UNKNOWN = 400, 401


def run(options: "RequestOptions") -> None:
    """Send the request and write the answer; with --access print what another program needs to send it."""
    (url,) = options.positionals(1)
    service, logins = services.origin(url), Logins.of(context_of(options))
    if options.access:
        hand_out(options, logins, service)
        return
    if options.scope:
        raise UsageError("flag '--scope' requires the '--access' flag")
    request = request_of(options, url)
    credential = logins.fresh(service)
    with service_request.send(request, credential, read_roots(options)) as answer:
        show(options, answer)
    if answer.status >= REFUSED:
        raise CliError(
            f"{service} answers {answer.status} {answer.reason}".rstrip(),
            hint=again(service) if answer.status == UNKNOWN else "",
        )


def hand_out(options: "RequestOptions", logins: Logins, service: str) -> None:
    """Print a credential for another program, as --access asks."""
    for flag in ("method", "header", "data", "include"):
        if options.is_given(flag):
            raise UsageError(f"flag '--access' and flag '--{flag}' are mutually exclusive")
    logins.fresh(service)
    with logins.alone():
        credential: Credential = logins.get(service)
        access = credential.access(options.scope)
        if access.kept != credential:
            logins.save(service, access.kept)
    output.deliver(options, access.handed_out.rstrip(b"\n") + b"\n")


def request_of(options: "RequestOptions", url: str) -> service_request.Request:
    """Return the request the flags describe. Raises UsageError, CliError."""
    headers = dict(header(word) for word in options.header)
    data = options.data
    body = None if data is None else content(data)
    if body is not None and "content-type" not in {name.lower() for name in headers}:
        headers["Content-Type"] = "application/json"
    method = (options.method or ("GET" if body is None else "POST")).upper()
    if not method.isascii() or not method.isalpha():
        raise UsageError(f"invalid value '{method}' for flag '--method'")
    return service_request.Request(method, url, headers, body)


def header(word: str) -> tuple[str, str]:
    """Name and value. Raises UsageError for what is no header (RFC 9110 §5.1), or says who asks."""
    name, colon, value = (part.strip() for part in word.partition(":"))
    token = name.replace("-", "").replace("_", "")
    if not colon or not token.isalnum() or not word.isascii() or not word.isprintable():
        raise UsageError(f"invalid value '{word}' for flag '--header'; use 'Name: value'")
    if name.lower() in {"authorization", "host", "content-length", "transfer-encoding"}:
        raise UsageError(f"the header {name} is not for '--header': the login and the URL say it")
    return name, value


def content(data: str) -> bytes:
    """Return the text itself or, after ``@``, a file's content."""
    return files.read(data[1:], exact=True) if data.startswith("@") else data.encode()


def read_roots(options: "RequestOptions") -> str | None:
    """Return the root of --root or of bootstrap, PEM; the system's are trusted too."""
    if options.root or authority_options(options).stored_root.is_file():
        return connection.root_pem(authority_options(options))
    return None


def show(options: "RequestOptions", answer: http.client.HTTPResponse) -> None:
    """Write the body to --out or stdout as it arrives, or the whole answer as JSON."""
    if options.json:
        show_as_json(answer)
        return
    name = options.out
    if name and answer.status < REFUSED:
        with files.open_for_writing(name, force=options.force) as sink:
            copy(answer, sink)
        return
    if options.include:
        lines = [f"HTTP {answer.status} {answer.reason}", *map(": ".join, answer.getheaders())]
        sys.stdout.write("\n".join(lines) + "\n\n")
        sys.stdout.flush()
    copy(answer, sys.stdout.buffer)
    sys.stdout.flush()


def show_as_json(answer: http.client.HTTPResponse) -> None:
    """Status, headers and body; a body that is no text in base64."""
    import base64
    import io

    from newel.cli.interact.terminal import show_json

    sink = io.BytesIO()
    copy(answer, sink, most=files.LARGEST_INPUT)
    shown: dict[str, object] = {"status": answer.status, "headers": dict(answer.getheaders())}
    try:
        shown["body"] = sink.getvalue().decode()
    except UnicodeDecodeError:
        shown["bodyBase64"] = base64.b64encode(sink.getvalue()).decode()
    show_json(shown)


def copy(answer: http.client.HTTPResponse, sink: BinaryIO, most: int | None = None) -> None:
    """Copy the body piece by piece. Raises CliError when it ends early or exceeds ``most``."""
    length = 0
    while piece := read(answer):
        length += len(piece)
        if most is not None and length > most:
            raise CliError(f"the answer is larger than {most // 1024 // 1024} MiB: use '--out'")
        sink.write(piece)


def read(answer: http.client.HTTPResponse) -> bytes:
    """Return the next piece of the body, b"" at its end. Raises CliError when that comes too early."""
    with contextlib.suppress(OSError, http.client.HTTPException):
        piece = answer.read(CHUNK)
        if piece or not answer.length:
            return piece
    raise CliError("the answer ended before it was whole")
