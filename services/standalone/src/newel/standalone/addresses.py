"""The addresses of the authority, tried before anything is made."""

import contextlib
import errno
import socket
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from newel.runtime.http.addresses import LEAST_UNPRIVILEGED, Address, parse_address
from newel.runtime.http.listener import bind
from newel.standalone.options import Options
from newel.standalone.settings import Settings
from newel.step import ca_json

HTTPS_ADDRESS = "127.0.0.1:9000"
HTTP_ADDRESS = "127.0.0.1:9080"
METRICS_HOST = "127.0.0.1"
EVERY_HOST = frozenset(("0.0.0.0", "::"))  # noqa: S104 - to recognise it


class RequestedAddress(NamedTuple):
    """An address, where it is written, and the flag that chooses another."""

    address: str
    place: str
    flag: str


def list_addresses(
    options: Options, settings: Settings | None = None
) -> Iterator[RequestedAddress]:
    """Every address this start will listen on. Raises OSError for what is none."""
    file = settings.layout.ca_json if settings else ""
    stored = settings.ca if settings else ca_json.CAConfig()
    https = options.address or (stored.address if settings else HTTPS_ADDRESS)
    http = options.http_address or (stored.insecure_address if settings else HTTP_ADDRESS)
    if https:
        yield RequestedAddress(https, "" if options.address else f"{file}: address: ", "--address")
    if http:
        place = "" if options.http_address else f"{file}: insecureAddress: "
        yield RequestedAddress(http, place, "--http-address")
    metrics = options.metrics_address or stored.metrics_address
    if not metrics and not options.default_metrics:
        return
    place = f"{file}: metricsAddress: " if metrics and not options.metrics_address else ""
    for worker in range(options.workers):
        yield RequestedAddress(metrics_address(metrics, http, worker), place, "--metrics-address")


def metrics_address(given: str, http: str, worker: int) -> str:
    """Where one process answers ``/metrics``: on the loopback beside the HTTP address, unless told."""
    beside = Address(METRICS_HOST, parse_address(http or HTTP_ADDRESS).port + 1)
    first = parse_address(given) if given else beside
    return str(first._replace(port=first.port + worker))


def check_free(wanted: Sequence[RequestedAddress]) -> None:
    """Listen on every address for a moment. Raises OSError that names the flag for another address.

    What serves later shares its addresses with the other workers, so only this check finds two listeners
    of one program on one address: each would get some of the other's connections.
    """
    with contextlib.ExitStack() as held:
        taken: list[tuple[socket.socket, RequestedAddress]] = []
        for each in wanted:
            address, place, flag = each
            if not parse_address(address).port:
                raise OSError(
                    errno.EINVAL,
                    f"{place}'{address}' has port 0, another one at each start; name one by {flag} HOST:PORT",
                )
            try:
                sock = held.enter_context(contextlib.closing(bind(address)))
                refuse_overlap(sock, each, taken)
            except OSError as error:
                where = place if error.errno == errno.EINVAL else ""
                text = f"{where}{error.strerror}{_hint(error, address, flag)}"
                raise OSError(error.errno, text) from None
            taken.append((sock, each))


def refuse_overlap(
    sock: socket.socket,
    wanted: RequestedAddress,
    taken: Sequence[tuple[socket.socket, RequestedAddress]],
) -> None:
    """Raise OSError when an address is another listener's of this program too."""
    host, port = sock.getsockname()[:2]
    for other, (address, _, flag) in taken:
        other_host, other_port = other.getsockname()[:2]
        if port == other_port and (
            host == other_host or not EVERY_HOST.isdisjoint((host, other_host))
        ):
            text = f"cannot listen on {wanted.address}: that is {address} of {flag} too"
            raise OSError(errno.EADDRINUSE, text)


def _hint(error: OSError, address: str, flag: str) -> str:
    choose = f"; choose another address by {flag} HOST:PORT"
    if error.errno == errno.EACCES and parse_address(address).port < LEAST_UNPRIVILEGED:
        return f"; ports below {LEAST_UNPRIVILEGED} need root or CAP_NET_BIND_SERVICE{choose}"
    return choose
