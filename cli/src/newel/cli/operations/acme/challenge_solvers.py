"""How names are proved: which challenge the flags ask for, and what answers it."""

import contextlib
import datetime as dt
from collections.abc import Iterable
from typing import TYPE_CHECKING, NamedTuple

from newel.acme.challenges import DNS_01, HTTP_01, TLS_ALPN_01
from newel.cli.errors import CliError, UsageError
from newel.cli.interact.terminal import open_terminal
from newel.cli.operations.network_errors import explain
from newel.cli.options.times import duration
from newel.client import http01, tls_alpn01

if TYPE_CHECKING:
    from newel.cli.operations.acme.dns_records import Records
    from newel.cli.options.invocation import Invocation
    from newel.client.acme_transport import Solver

LISTEN = (
    "'--http-listen ADDRESS' listens elsewhere, '--webroot FOLDER' has a server that runs answer, and "
    "'--dns-hook PROGRAM' needs no port. A port below 1024 is root's, or CAP_NET_BIND_SERVICE's."
)
BY_DNS = ("dns-hook", "dns-manual", "dns-tsig-key")
SWITCHES = ("standalone", "dns-manual")
WAYS = ("standalone", "webroot", "tls-listen", *BY_DNS)


class Way(NamedTuple):
    """A challenge's type, what answers it, and what people call that."""

    challenge: str
    solver: "Solver"
    text: str


def check(call: "Invocation", identifiers: Iterable[tuple[str, str]]) -> None:
    """Refuses flags that contradict each other, and names that cannot be proved this way."""
    given = asked_for(call)
    if len(given) > 1:
        raise UsageError(f"flag '--{given[0]}' and flag '--{given[1]}' are mutually exclusive")
    by_dns = bool(set(BY_DNS).intersection(given))
    for kind, name in identifiers:
        if name.startswith("*.") and not by_dns:
            ways = "', '--".join(BY_DNS)
            raise UsageError(f"'{name}' can be proved by a DNS record only: see '--{ways}'")
        if kind == "ip" and by_dns:
            raise UsageError(f"'{name}' is an address: no DNS record proves it")
    if call.on("dns-manual"):
        with open_terminal("Put the record into the zone", "--dns-hook PROGRAM"):
            pass
    if call.get("dns-tsig-key") and not call.get("dns-server"):
        raise UsageError("flag '--dns-tsig-key' requires the '--dns-server' flag")


def asked_for(call: "Invocation") -> list[str]:
    """The flags that name a way."""
    return [flag for flag in WAYS if (call.on(flag) if flag in SWITCHES else call.get(flag))]


def chosen(call: "Invocation", stack: contextlib.ExitStack) -> Way:
    """What answers the challenges, until the stack closes. Raises CliError."""
    if webroot := call.get("webroot"):
        return Way(HTTP_01, http01.Webroot(webroot), "Webroot Mode HTTP")
    if set(BY_DNS).intersection(asked_for(call)):
        return _by_dns(call)
    address = call.get("tls-listen") or call.get("http-listen") or ":80"
    server = tls_alpn01.Standalone if call.get("tls-listen") else http01.Standalone
    try:
        standalone = stack.enter_context(server(address))
    except (OSError, OverflowError) as error:
        raise CliError(f"error listening on {address}: {explain(error)}", hint=LISTEN) from None
    except ValueError:
        raise CliError(
            f"error listening on {address}: it is not [HOST]:PORT", hint=LISTEN
        ) from None
    if call.get("tls-listen"):
        return Way(TLS_ALPN_01, standalone, "Standalone Mode TLS")
    return Way(HTTP_01, standalone, "Standalone Mode HTTP")


def _by_dns(call: "Invocation") -> Way:
    from newel.cli.operations.acme import dns_records, dns_update
    from newel.cli.operations.acme.dns_servers import NameServers, server_at

    servers = [server_at(name) for name in call.all("dns-server")]
    records: Records
    if hook := call.get("dns-hook"):
        records, text = dns_records.Hook(hook), "Hook"
    elif key_file := call.get("dns-tsig-key"):
        records, text = dns_update.Update(servers[0], dns_update.read_key(key_file)), "Update"
    else:
        records, text = dns_records.Manual(), "Manual"
    patience = duration(call, "dns-wait") or dt.timedelta(0)
    solver = dns_records.DnsSolver(records, NameServers(servers), patience)
    return Way(DNS_01, solver, f"{text} Mode DNS")
