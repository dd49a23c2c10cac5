"""A person signs in: by the browser on this machine, by a code on another, or by hand."""

import os
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING, Any, NamedTuple

from newel.cli import program
from newel.cli.errors import CliError, UsageError
from newel.cli.interact.terminal import note
from newel.cli.operations.oauth import device, loopback
from newel.cli.operations.oauth.authorization import Authorization
from newel.cli.operations.oauth.endpoints import Endpoints, find
from newel.cli.operations.oauth.exchange import Client

if TYPE_CHECKING:
    from newel.cli.options.invocation import Invocation

OUT_OF_BAND = "urn:ietf:wg:oauth:2.0:oob"


class SignIn(NamedTuple):
    """The tokens of a person, and where and by which client they were got."""

    tokens: dict[str, Any]
    endpoints: Endpoints
    client: Client


def scope_of(call: "Invocation") -> str:
    """What is asked for."""
    return " ".join(call.all("scope")) or "openid email"


def of_person(call: "Invocation") -> SignIn:
    """The person at the terminal, by the flow the flags name. Raises CliError."""
    if not call.get("client-id") and not call.given("provider"):
        raise CliError(
            f"'{program.name()} oauth' requires the '--client-id' flag: ask as a client of your own"
        )
    if not call.get("client-id"):
        raise CliError("flag '--client-id' required with '--provider'")
    client = Client(call.require("client-id"), call.get("client-secret") or "")
    flow = console_flow(call)
    endpoints = find(call, device=flow == "device")
    if flow == "device":
        tokens = device.authorize(endpoints, client, scope_of(call))
    elif flow == "oob":
        tokens = by_hand(call, endpoints, client)
    else:
        tokens = in_browser(call, endpoints, client)
    return SignIn(tokens, endpoints, client)


def console_flow(call: "Invocation") -> str:
    """``device``, ``oob``, or "" for the browser on this machine."""
    flow = (call.get("console-flow") or "").lower()
    if flow not in {"", "device", "oob"}:
        raise UsageError(
            f"invalid value '{call.get('console-flow')}' for flag '--console-flow'; "
            "options are device, oob"
        )
    return flow or ("device" if call.on("console") else "")


def extra(call: "Invocation") -> list[tuple[str, str]]:
    """Further parameters of the authorization request. Raises UsageError."""
    found = [("prompt", call.get("prompt") or ""), ("login_hint", call.get("email") or "")]
    found = [pair for pair in found if pair[1]]
    for word in call.all("auth-param"):
        name, _, value = word.partition("=")
        if not name:
            raise UsageError(f"invalid value '{word}' for flag '--auth-param'")
        found.append((name, value))
    return found


def in_browser(call: "Invocation", endpoints: Endpoints, client: Client) -> dict[str, Any]:
    """By the browser on this machine."""
    with loopback.Listener(call.get("listen") or "", call.get("redirect-url") or "") as listener:
        redirect = call.get("listen-url") or listener.url
        asked = Authorization.new(endpoints, client, scope_of(call), extra(call), redirect)
        open_browser(asked.url, call.get("browser"))
        return listener.wait(asked.redeem)


def by_hand(call: "Invocation", endpoints: Endpoints, client: Client) -> dict[str, Any]:
    """By a browser elsewhere, whose code the person types here."""
    asked = Authorization.new(endpoints, client, scope_of(call), extra(call), OUT_OF_BAND)
    note(f"Open a local web browser and visit:\n\n{asked.url}\n")
    print("Enter verification code: ", end="", file=sys.stderr, flush=True)
    return asked.exchange(sys.stdin.readline().strip())


def open_browser(url: str, browser: str | None) -> None:
    """Opens the address, or says that the person must."""
    if os.environ.get("STEP_OPEN_BROWSER") == "0":
        note(url)
        return
    opener = shutil.which("open" if sys.platform == "darwin" else "xdg-open")
    application = ["-a", browser] if browser and sys.platform == "darwin" else []
    if opener is None:
        note("Cannot open a web browser on your platform.\n")
        note(f"Open a local web browser and visit:\n\n{url}\n")
        return
    subprocess.Popen(
        [opener, *application, url], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    note(f"Your default web browser has been opened to visit:\n\n{url}\n")
