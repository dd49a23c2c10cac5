"""A file named by path or by https address."""

from typing import Any

from newel.cli.errors import CliError
from newel.cli.store.files import read

LARGEST = 1 << 20
SECONDS = 15


def read_file_or_url(name: str) -> bytes:
    """Return the content of a file, "-" being stdin, or of what an https address answers with."""
    return fetch(name) if name.startswith("https://") else read(name, exact=True)


def fetch(address: str) -> bytes:
    """Return the body at an https address, up to a megabyte; redirections stay with https."""
    from http.client import HTTPException
    from urllib.error import HTTPError
    from urllib.request import HTTPRedirectHandler

    from newel.cli.operations.network_errors import explain
    from newel.client.errors import ClientError
    from newel.client.web import make_opener

    class HTTPSRedirectHandler(HTTPRedirectHandler):
        """Follows redirections to https only."""

        def redirect_request(
            self, req: Any, fp: Any, code: int, msg: str, headers: Any, newurl: str
        ) -> Any:
            if not newurl.startswith("https://"):
                raise CliError(f"error retrieving {address}: it redirects away from https")
            return super().redirect_request(req, fp, code, msg, headers, newurl)

    try:
        with make_opener(None, HTTPSRedirectHandler).open(address, timeout=SECONDS) as answer:
            data: bytes = answer.read(LARGEST + 1)
    except HTTPError as error:
        raise CliError(f"error retrieving {address}: status code {error.code}") from None
    except (OSError, HTTPException, ClientError) as error:
        raise CliError(f"error retrieving {address}: {explain(error)}") from None
    if len(data) > LARGEST:
        raise CliError(f"error retrieving {address}: more than {LARGEST} bytes")
    return data
