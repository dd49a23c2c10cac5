"""Where clients reach the authority that the pages are about."""

from dataclasses import dataclass
from urllib.parse import urlsplit

from starlette.requests import Request


@dataclass(frozen=True, slots=True)
class Place:
    """The authority's address: that of the pages, or where these are a process of their own another."""

    ca_url: str | None = None
    """``https://host:port``; None: the pages are the authority's own."""

    def find_host(self, request: Request) -> str:
        """Return the host and port that clients of the authority are told."""
        if self.ca_url is not None:
            return urlsplit(self.ca_url).netloc
        return request.headers.get("host", "localhost")


OWN = Place()
"""The pages are at the authority's own address."""
