"""An authority for other machines whose every name means the machine that asks."""

import ipaddress
from collections.abc import Iterator

from newel.runtime.http.addresses import parse_address
from newel.standalone.options import Options
from newel.standalone.settings import Settings


def local_names(options: Options, settings: Settings) -> Iterator[str]:
    """Yield a line where an address is for other machines and no name in ca.json is.

    Such an authority seems to work on its own machine, and issues certificates whose status no one else finds.
    """
    address = options.address or settings.ca.address
    if not address or is_local(parse_address(address).host):
        return
    if all(map(is_local, settings.dns_names)):
        url = settings.http_url
        status = f", and certificates name {url} for OCSP and CRLs" if url else ""
        yield (
            f"{address} is for other machines, but they know this authority by no name: dnsNames in "
            f"{settings.layout.ca_json} are {', '.join(settings.dns_names)}{status}; a first start takes "
            "a name by --dns NAME, later ones from there"
        )


def is_local(host: str) -> bool:
    """Whether a host means the machine that asks for it."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host.rstrip(".").lower() == "localhost" or host.lower().endswith(".localhost")
