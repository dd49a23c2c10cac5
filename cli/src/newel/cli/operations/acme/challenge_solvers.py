"""How names are proved: which challenge the flags ask for, and what answers it."""

import contextlib
import datetime as dt
from collections.abc import Iterable
from typing import TYPE_CHECKING, NamedTuple

from newel.acme.challenges import DNS_01, HTTP_01, TLS_ALPN_01
from newel.cli.errors import CliError, UsageError
from newel.cli.interact.terminal import open_terminal
from newel.cli.operations.network_errors import explain
from newel.client import http01, tls_alpn01

if TYPE_CHECKING:
    from newel.cli.operations.acme.acme_options import ACMEOptions
    from newel.cli.operations.acme.dns_records import Records
    from newel.client.acme_transport import Solver

LISTEN = (
    "'--http-listen ADDRESS' listens elsewhere, '--webroot FOLDER' has a server that runs answer, and "
    "'--dns-hook PROGRAM' needs no port. A port below 1024 is root's, or CAP_NET_BIND_SERVICE's."
)
BY_DNS = ("dns-hook", "dns-manual", "dns-tsig-key")
CHALLENGE_FLAGS = ("standalone", "webroot", "tls-listen", *BY_DNS)


class ChallengeSolver(NamedTuple):
    """A challenge's type, what answers it, and what people call that."""

    challenge: str
    solver: "Solver"
    text: str


def check(options: "ACMEOptions", identifiers: Iterable[tuple[str, str]]) -> None:
    """Refuse flags that contradict each other, and names that cannot be proved this way."""
    given = given_flags(options)
    if len(given) > 1:
        raise UsageError(f"flag '--{given[0]}' and flag '--{given[1]}' are mutually exclusive")
    by_dns = bool(set(BY_DNS).intersection(given))
    for kind, name in identifiers:
        if name.startswith("*.") and not by_dns:
            ways = "', '--".join(BY_DNS)
            raise UsageError(f"'{name}' can be proved by a DNS record only: see '--{ways}'")
        if kind == "ip" and by_dns:
            raise UsageError(f"'{name}' is an address: no DNS record proves it")
    if options.dns_manual:
        with open_terminal("Put the record into the zone", "--dns-hook PROGRAM"):
            pass
    if options.dns_tsig_key and not options.dns_server:
        raise UsageError("flag '--dns-tsig-key' requires the '--dns-server' flag")


def given_flags(options: "ACMEOptions") -> list[str]:
    """Return the flags given that choose a challenge."""
    return [flag for flag in CHALLENGE_FLAGS if getattr(options, flag.replace("-", "_"))]


def choose(options: "ACMEOptions", stack: contextlib.ExitStack) -> ChallengeSolver:
    """Return what answers the challenges until the stack closes. Raises CliError."""
    if webroot := options.webroot:
        return ChallengeSolver(HTTP_01, http01.Webroot(webroot), "Webroot Mode HTTP")
    if set(BY_DNS).intersection(given_flags(options)):
        return _by_dns(options)
    address = options.tls_listen or options.http_listen or ":80"
    server = tls_alpn01.Standalone if options.tls_listen else http01.Standalone
    try:
        standalone = stack.enter_context(server(address))
    except (OSError, OverflowError) as error:
        raise CliError(f"error listening on {address}: {explain(error)}", hint=LISTEN) from None
    except ValueError:
        raise CliError(
            f"error listening on {address}: it is not [HOST]:PORT", hint=LISTEN
        ) from None
    if options.tls_listen:
        return ChallengeSolver(TLS_ALPN_01, standalone, "Standalone Mode TLS")
    return ChallengeSolver(HTTP_01, standalone, "Standalone Mode HTTP")


def _by_dns(options: "ACMEOptions") -> ChallengeSolver:
    from newel.cli.operations.acme import dns_records, dns_update
    from newel.cli.operations.acme.dns_servers import NameServers, server_at

    servers = [server_at(name) for name in options.dns_server]
    records: Records
    if hook := options.dns_hook:
        records, text = dns_records.Hook(hook), "Hook"
    elif key_file := options.dns_tsig_key:
        records, text = dns_update.Update(servers[0], dns_update.read_key(key_file)), "Update"
    else:
        records, text = dns_records.Manual(), "Manual"
    delay = options.propagation or dt.timedelta(0)
    solver = dns_records.DnsSolver(records, NameServers(servers), delay)
    return ChallengeSolver(DNS_01, solver, f"{text} Mode DNS")
