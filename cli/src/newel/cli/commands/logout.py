"""`newel logout`: a credential is given back to its issuer and forgotten."""

from typing import TYPE_CHECKING

from newel.cli.errors import CliError, UsageError
from newel.cli.interact.terminal import note, say
from newel.cli.operations.credentials import services
from newel.cli.operations.credentials.store import Logins
from newel.cli.options.invocation import context_of

if TYPE_CHECKING:
    from newel.cli.options.records.logout import LogoutOptions


def run(options: "LogoutOptions") -> None:
    """End the logins for the services that are named, or all of them."""
    logins = Logins.of(context_of(options))
    if options.all_:
        options.positionals(0)
        named = [kept.service for kept in logins.every()]
    else:
        named = [services.origin(url) for url in options.positionals(1, -1)]
        if len(set(named)) < len(named):
            raise UsageError("a service is named twice")
    failed: CliError | None = None
    with logins.alone():
        for service in named:
            try:
                end(options, logins, service)
            except CliError as error:
                if failed:
                    note(str(failed))
                failed = error
    if failed:
        raise failed


def end(options: "LogoutOptions", logins: Logins, service: str) -> None:
    """Revoke and forget one; it is kept when that fails, so that it can be tried again."""
    credential = logins.get(service)
    try:
        told = credential.revoke()
    except CliError as error:
        if not options.force:
            raise CliError(
                f"the login for {service} is kept, because it could not be revoked: {error}",
                hint="'--force' forgets it all the same.",
            ) from None
        told = False
    logins.remove(service)
    say("Logged out", service)
    if not told:
        until = f" until {credential.ends:%Y-%m-%dT%H:%M:%SZ}" if credential.ends else ""
        note(f"It was not revoked: a copy of it stays good{until}.")
