"""A person signs in: by the browser on this machine, by a code on another, or by hand."""

import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from typing import Any, NamedTuple

from newel.cli import program
from newel.cli.errors import CliError, UsageError
from newel.cli.interact.terminal import note
from newel.cli.operations.oauth import device, loopback
from newel.cli.operations.oauth.authorization import Authorization
from newel.cli.operations.oauth.endpoints import Endpoints, find
from newel.cli.operations.oauth.exchange import Client

OUT_OF_BAND = "urn:ietf:wg:oauth:2.0:oob"


class SignInOptions(NamedTuple):
    """The identity provider, the client that asks it, and the way the person signs in."""

    provider: str | None = None
    provider_given: bool = False
    """Whether ``provider`` comes from the command line itself."""
    client_id: str | None = None
    client_secret: str | None = None
    scope: Sequence[str] = ()
    prompt: str | None = None
    email: str | None = None
    auth_param: Sequence[str] = ()
    listen: str | None = None
    listen_url: str | None = None
    redirect_url: str | None = None
    console: bool = False
    console_flow: str | None = None
    browser: str | None = None
    authorization_endpoint: str | None = None
    device_authorization_endpoint: str | None = None
    token_endpoint: str | None = None


class SignIn(NamedTuple):
    """The tokens of a person, and where and by which client they were got."""

    tokens: dict[str, Any]
    endpoints: Endpoints
    client: Client


def scope_of(options: SignInOptions) -> str:
    """Return the scope to ask for."""
    return " ".join(options.scope) or "openid email"


def of_person(options: SignInOptions) -> SignIn:
    """Sign in the person at the terminal by the flow that was chosen. Raises CliError."""
    if not options.client_id and not options.provider_given:
        raise CliError(
            f"'{program.name()} oauth' requires the '--client-id' flag: ask as a client of your own"
        )
    if not options.client_id:
        raise CliError("flag '--client-id' required with '--provider'")
    client = Client(options.client_id, options.client_secret or "")
    flow = console_flow(options)
    given = Endpoints(
        options.authorization_endpoint or "",
        options.device_authorization_endpoint or "",
        options.token_endpoint or "",
    )
    endpoints = find(given, options.provider, device=flow == "device")
    if flow == "device":
        tokens = device.authorize(endpoints, client, scope_of(options))
    elif flow == "oob":
        tokens = by_hand(options, endpoints, client)
    else:
        tokens = in_browser(options, endpoints, client)
    return SignIn(tokens, endpoints, client)


def console_flow(options: SignInOptions) -> str:
    """``device``, ``oob``, or "" for the browser on this machine."""
    flow = (options.console_flow or "").lower()
    if flow not in {"", "device", "oob"}:
        raise UsageError(
            f"invalid value '{options.console_flow}' for flag '--console-flow'; "
            "options are device, oob"
        )
    return flow or ("device" if options.console else "")


def extra(options: SignInOptions) -> list[tuple[str, str]]:
    """Further parameters of the authorization request. Raises UsageError."""
    found = [("prompt", options.prompt or ""), ("login_hint", options.email or "")]
    found = [pair for pair in found if pair[1]]
    for word in options.auth_param:
        name, _, value = word.partition("=")
        if not name:
            raise UsageError(f"invalid value '{word}' for flag '--auth-param'")
        found.append((name, value))
    return found


def in_browser(options: SignInOptions, endpoints: Endpoints, client: Client) -> dict[str, Any]:
    """Sign in by the browser on this machine."""
    with loopback.Listener(options.listen or "", options.redirect_url or "") as listener:
        redirect = options.listen_url or listener.url
        asked = Authorization.new(endpoints, client, scope_of(options), extra(options), redirect)
        open_browser(asked.url, options.browser)
        return listener.wait(asked.redeem)


def by_hand(options: SignInOptions, endpoints: Endpoints, client: Client) -> dict[str, Any]:
    """Sign in by a browser elsewhere, whose code the person types here."""
    asked = Authorization.new(endpoints, client, scope_of(options), extra(options), OUT_OF_BAND)
    note(f"Open a local web browser and visit:\n\n{asked.url}\n")
    print("Enter verification code: ", end="", file=sys.stderr, flush=True)
    return asked.exchange(sys.stdin.readline().strip())


def open_browser(url: str, browser: str | None) -> None:
    """Open the address in a browser, or ask the person to do so."""
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
