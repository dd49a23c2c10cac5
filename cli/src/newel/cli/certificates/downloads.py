"""What is fetched over HTTP: revocation lists, and answers of OCSP responders. Bounded in size and time."""

import urllib.error
import urllib.request
from typing import TYPE_CHECKING

from newel.cli.errors import CliError

if TYPE_CHECKING:
    import ssl

LARGEST = 32 * 1024 * 1024
SECONDS = 15.0


def fetch(url: str, body: bytes | None = None, tls: "ssl.SSLContext | None" = None) -> bytes:
    """The body of a 2xx answer to a GET, or to a POST of an OCSP request. Raises CliError."""
    if not url.lower().startswith(("http://", "https://")):
        raise CliError(f"{url} is not an HTTP address")
    headers = {} if body is None else {"Content-Type": "application/ocsp-request"}
    request = urllib.request.Request(url, body, headers)  # noqa: S310 - the scheme was checked
    try:
        with urllib.request.urlopen(request, timeout=SECONDS, context=tls) as answer:  # noqa: S310
            data: bytes = answer.read(LARGEST + 1)
    except urllib.error.HTTPError as error:
        raise CliError(f"status code {error.code}") from None
    except (OSError, ValueError) as error:
        raise CliError(str(getattr(error, "reason", error))) from None
    if len(data) > LARGEST:
        raise CliError(f"the answer is longer than {LARGEST // 1024 // 1024} MiB")
    return data
