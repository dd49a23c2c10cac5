"""`newel oauth`: a token from an identity provider, on stdout."""

from typing import Any

from newel.cli.errors import CliError, UsageError
from newel.cli.operations.oauth import service_accounts, sign_in
from newel.cli.options.invocation import Invocation


def run(call: Invocation) -> None:
    """Gets the token and prints all of it, or the part the flags name."""
    call.positionals(0)
    if call.on("implicit"):
        raise UsageError("the implicit flow is not supported: leave '--implicit' out")
    tokens = of_account(call) if call.get("account") else sign_in.of_person(call).tokens
    wanted = tokens["id_token" if call.on("oidc") else "access_token"]
    if call.on("header"):
        print(f"Authorization: Bearer {wanted}")
    elif call.on("bare"):
        if not wanted:
            raise CliError("the provider's answer holds no such token")
        print(wanted)
    else:
        from newel.cli.interact.terminal import show_json

        show_json(tokens)


def of_account(call: Invocation) -> dict[str, Any]:
    """The tokens of a service account or, for an installed application's file, of a person."""
    account = service_accounts.read_account(call.require("account"))
    if not account.key:
        return sign_in.in_browser(call, account.endpoints, account.client)
    if call.on("jwt"):
        return service_accounts.self_signed(account, sign_in.scope_of(call))
    return service_accounts.authorize(account, sign_in.scope_of(call))
