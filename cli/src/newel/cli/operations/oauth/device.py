"""The device flow (RFC 8628): the person's browser is on another machine."""

import time
from typing import Any

from newel.cli.errors import CliError
from newel.cli.interact.terminal import note
from newel.cli.operations.oauth import exchange
from newel.cli.operations.oauth.endpoints import Endpoints
from newel.cli.operations.oauth.exchange import Client

SECONDS = 300
INTERVAL = 5
GRANT = "urn:ietf:params:oauth:grant-type:device_code"
WAITING = ("authorization_pending", "slow_down")


def authorize(endpoints: Endpoints, client: Client, scope: str) -> dict[str, Any]:
    """Show the person where to sign in and poll until it happened. Raises CliError."""
    answer = exchange.post(endpoints.device, {**client.form, "scope": scope})
    if answer.refusal or answer.status >= 400:
        raise CliError(
            f"the provider refuses the device: {answer.refusal or f'status {answer.status}'}"
        )
    found = answer.members
    show(found)
    interval = exchange.seconds(found.get("interval")) or INTERVAL
    lifetime = exchange.seconds(found.get("expires_in")) or SECONDS
    form = {**client.form, "grant_type": GRANT, "device_code": str(found.get("device_code"))}
    end = time.monotonic() + min(lifetime, SECONDS)
    while time.monotonic() + interval < end:
        time.sleep(interval)
        polled = exchange.post(endpoints.token, form)
        error = polled.members.get("error")
        if error not in WAITING:
            return exchange.token_of(polled)
        if error == "slow_down":
            interval += INTERVAL
    raise CliError("device authorization grant expired")


def show(found: dict[str, Any]) -> None:
    """Say where to go and, unless the address holds it, which code to enter there."""
    complete = found.get("verification_uri_complete")
    # Google's name for it is not that of the RFC
    address = complete or found.get("verification_uri") or found.get("verification_url")
    if not address:
        raise CliError("device code response from server missing 'verification_uri' parameter")
    if complete:
        note(f"Visit {address}:")
    else:
        note(f"Visit {address} and enter the code:")
        note(str(found.get("user_code")))
