"""The apps of each listener, behind the limits per client address."""

from collections.abc import Callable

from newel.registration.acme import responses as acme_responses
from newel.registration.admin import responses as admin_responses
from newel.registration.config import RateConfig, RateLimitsConfig
from newel.registration.rate_limit_middleware import RateLimitMiddleware
from newel.registration.rate_limits import Limit
from newel.registration.scep import error_responses as scep_responses
from newel.registration.step import error_responses as step_responses
from newel.runtime.asgi import ASGIApp
from newel.runtime.clock import Clock
from newel.runtime.http.client_addresses import ClientAddresses
from newel.runtime.http.router import Router


def build_web(
    own: RateLimitsConfig,
    limit: Callable[[str, RateConfig], Limit],
    clock: Clock,
    *,
    step: ASGIApp,
    acme: ASGIApp,
    scep: ASGIApp,
    ssh: ASGIApp,
    admin: ASGIApp | None,
    revocations: ASGIApp | None,
) -> dict[str, ASGIApp]:
    """Return the apps by listener. Plain HTTP carries SCEP alone, whose messages protect themselves."""
    addresses = ClientAddresses(own.exempt)
    requests = limit("address", own.address)
    accounts = {"/new-account": limit("new-account", own.new_account)}
    limited = RateLimitMiddleware(
        acme, addresses, requests, clock, acme_responses.error_response, accounts
    )
    devices = RateLimitMiddleware(scep, addresses, requests, clock, scep_responses.error_response)
    apps: dict[str, ASGIApp] = {"/acme/": limited, "/2.0/acme/": limited, "/scep/": devices}
    if admin is not None:
        apps["/admin/"] = RateLimitMiddleware(
            admin, addresses, requests, clock, admin_responses.error_response
        )
    if revocations is not None:
        apps["/revocations"] = RateLimitMiddleware(
            revocations, addresses, requests, clock, step_responses.error_response
        )
    sign_ssh = RateLimitMiddleware(ssh, addresses, requests, clock, step_responses.error_response)
    for path in ("/ssh/", "/1.0/ssh/", "/sign-ssh", "/1.0/sign-ssh"):
        apps[path] = sign_ssh
    default = RateLimitMiddleware(step, addresses, requests, clock, step_responses.error_response)
    return {"https": Router(apps, default), "http": devices}
