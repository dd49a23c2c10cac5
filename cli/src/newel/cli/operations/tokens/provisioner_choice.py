"""Which of an authority's provisioners a command works with: by flags, by kind, or by asking."""

from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING, Any

from newel.cli.errors import CliError, UsageError
from newel.cli.interact import menu
from newel.cli.interact.terminal import say
from newel.cli.operations import pagination

if TYPE_CHECKING:
    from newel.cli.operations.tokens.token_options import TokenOptions
    from newel.client.authority import Authority

Provisioner = dict[str, Any]
"""One provisioner in the shape of ca.json."""


def list_all(authority: "Authority") -> list[Provisioner]:
    """Every provisioner, page by page."""
    from newel.client import calls

    return pagination.collect(
        lambda cursor: authority.send(calls.provisioners(cursor)), "provisioners"
    )


def choose(
    options: "TokenOptions", provisioners: Sequence[Provisioner], kinds: Collection[str] = ()
) -> Provisioner:
    """Return the provisioner that the options leave, or the one the person picks; say which it is.

    ``kinds`` are the only types that make sense, where not all do.
    """
    wanted = set(kinds) or options.kinds
    if options.k8ssa_given:
        wanted.add("K8sSA")
    left = [each for each in provisioners if not wanted or each.get("type") in wanted]
    if not left:
        raise CliError("cannot create a new token: the CA does not have any provisioner configured")
    named = (("kid", options.kid, has_id), ("provisioner", options.provisioner, has_name))
    for flag, value, matches in named:
        if value:
            left = [each for each in left if matches(each, value)]
            if not left:
                known = [each for each in provisioners if not wanted or each.get("type") in wanted]
                hint = one_of([text(each) for each in known])
                raise UsageError(f"invalid value '{value}' for flag '--{flag}'", hint=hint)
    return pick(left, ("kid", "provisioner"))


def one_of(known: Sequence[str]) -> str:
    """Return the values that are valid, in one line."""
    return f"The authority has: {', '.join(dict.fromkeys(known)) or 'none'}"


def pick(left: Sequence[Provisioner], flags: Sequence[str] = ("provisioner",)) -> Provisioner:
    """Return the only one, or the one the person chooses; say which it is."""
    if not left:
        raise CliError("the authority has no provisioner that can be used here")
    chosen = left[0]
    if len(left) > 1:
        answer_by = " or ".join(f"--{flag}" for flag in sorted(flags, reverse=True))
        options = [text(each) for each in left]
        chosen = left[menu.choose("What provisioner key do you want to use?", options, answer_by)]
    say("Provisioner", text(chosen))
    return chosen


def has_id(provisioner: Provisioner, kid: str) -> bool:
    """Say whether the id is its key's, or its client id."""
    return kid in {key_of(provisioner).get("kid"), provisioner.get("clientID")} - {None}


def has_name(provisioner: Provisioner, name: str) -> bool:
    """Say whether it is called so."""
    return provisioner.get("name") == name


def key_of(provisioner: Provisioner) -> dict[str, Any]:
    """Return the public JWK of a JWK provisioner; {} for others."""
    key = provisioner.get("key")
    return key if isinstance(key, dict) else {}


def extension_of(provisioner: Provisioner) -> bytes:
    """Return the value of the certificate extension that names the provisioner."""
    from newel.step.extension import ProvisionerExtension, ProvisionerType

    kind = ProvisionerType[str(provisioner["type"])]
    kid = str(key_of(provisioner).get("kid") or "")
    return ProvisionerExtension(kind, str(provisioner["name"]), kid).encode()


def text(provisioner: Provisioner) -> str:
    """``admin (JWK) [kid: …]``: how menus and lines show it."""
    kind = provisioner.get("type")
    shown = f"{provisioner.get('name')} ({kind})"
    if kind == "JWK":
        return f"{shown} [kid: {key_of(provisioner).get('kid')}]"
    if kind == "OIDC":
        return f"{shown} [client: {provisioner.get('clientID')}]"
    if kind == "Azure":
        return f"{shown} [tenant: {provisioner.get('tenantID')}]"
    return shown
