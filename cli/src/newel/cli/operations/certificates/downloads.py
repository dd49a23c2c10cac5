"""What is fetched over HTTP: revocation lists, and answers of OCSP responders. Bounded in size and time."""

import http.client
import urllib.error
import urllib.request
from typing import TYPE_CHECKING

from newel.cli.errors import CliError
from newel.cli.operations.network_errors import explain
from newel.client.errors import ClientError
from newel.client.web import make_opener

if TYPE_CHECKING:
    import ssl

LARGEST = 32 * 1024 * 1024
SECONDS = 15.0


def fetch(url: str, body: bytes | None = None, tls: "ssl.SSLContext | None" = None) -> bytes:
    """Return the body of a 2xx answer to a GET, or to a POST of an OCSP request. Raises CliError."""
    if not url.lower().startswith(("http://", "https://")):
        raise CliError(f"{url} is not an HTTP address")
    headers = {} if body is None else {"Content-Type": "application/ocsp-request"}
    request = urllib.request.Request(url, body, headers)  # noqa: S310 - the scheme was checked
    try:
        with make_opener(tls).open(request, timeout=SECONDS) as answer:
            data: bytes = answer.read(LARGEST + 1)
    except urllib.error.HTTPError as error:
        raise CliError(f"status code {error.code}") from None
    except (OSError, ValueError, http.client.HTTPException, ClientError) as error:
        raise CliError(explain(error)) from None
    if len(data) > LARGEST:
        raise CliError(f"the answer is longer than {LARGEST // 1024 // 1024} MiB")
    return data
