"""`newel oauth`: a token from an identity provider, on stdout."""

from typing import TYPE_CHECKING, Any

from newel.cli.errors import CliError, UsageError
from newel.cli.operations.oauth import service_accounts, sign_in
from newel.cli.options.groups import sign_in_options

if TYPE_CHECKING:
    from newel.cli.options.records.oauth import OauthOptions


def run(options: "OauthOptions") -> None:
    """Get the token and print all of it, or the part the flags name."""
    options.positionals(0)
    if options.implicit:
        raise UsageError("the implicit flow is not supported: leave '--implicit' out")
    tokens = (
        of_account(options)
        if options.account
        else sign_in.of_person(sign_in_options(options)).tokens
    )
    wanted = tokens["id_token" if options.oidc else "access_token"]
    if options.header:
        print(f"Authorization: Bearer {wanted}")
    elif options.bare:
        if not wanted:
            raise CliError("the provider's answer holds no such token")
        print(wanted)
    else:
        from newel.cli.interact.terminal import show_json

        show_json(tokens)


def of_account(options: "OauthOptions") -> dict[str, Any]:
    """Return the tokens of a service account or, for an installed application's file, of a person."""
    account = service_accounts.read_account(options.require("account"))
    if not account.key:
        return sign_in.in_browser(sign_in_options(options), account.endpoints, account.client)
    if options.jwt:
        return service_accounts.self_signed(account, sign_in.scope_of(sign_in_options(options)))
    return service_accounts.authorize(account, sign_in.scope_of(sign_in_options(options)))
