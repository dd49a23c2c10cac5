"""Which of an authority's provisioners a command works with: by flags, by kind, or by asking."""

from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING, Any

from newel.cli.errors import CliError, UsageError
from newel.cli.interact import menu
from newel.cli.interact.terminal import say
from newel.cli.operations import pagination

if TYPE_CHECKING:
    from newel.cli.options.invocation import Invocation
    from newel.client.authority import Authority

Provisioner = dict[str, Any]
"""One provisioner in the shape of ca.json."""

BY_FLAG = (
    ("x5c-cert", "X5C"),
    ("x5c-key", "X5C"),
    ("sshpop-cert", "SSHPOP"),
    ("nebula-cert", "Nebula"),
)


def every(authority: "Authority") -> list[Provisioner]:
    """Every provisioner, page by page."""
    from newel.client import calls

    return pagination.every(
        lambda cursor: authority.send(calls.provisioners(cursor)), "provisioners"
    )


def choose(
    call: "Invocation",
    provisioners: Sequence[Provisioner],
    kinds: Collection[str] = (),
    flags: Sequence[str] = ("kid", "provisioner"),
) -> Provisioner:
    """The provisioner the flags leave, or the one the person picks; says which it is.

    ``kinds`` are the only types that make sense, where not all do; ``flags`` are those that name it.
    """
    wanted = set(kinds) or {kind for flag, kind in BY_FLAG if call.known(flag) and call.get(flag)}
    if call.known("k8ssa-token-path") and call.given("k8ssa-token-path"):
        wanted.add("K8sSA")
    left = [each for each in provisioners if not wanted or each.get("type") in wanted]
    if not left:
        raise CliError("cannot create a new token: the CA does not have any provisioner configured")
    for flag in flags:
        matches = has_id if flag == "kid" else has_name
        value = call.get(flag) if call.known(flag) else None
        if value:
            left = [each for each in left if matches(each, value)]
            if not left:
                known = [each for each in provisioners if not wanted or each.get("type") in wanted]
                hint = one_of([text(each) for each in known])
                raise UsageError(f"invalid value '{value}' for flag '--{flag}'", hint=hint)
    return pick(left, flags)


def one_of(known: Sequence[str]) -> str:
    """The values that are valid, in one line."""
    return f"The authority has: {', '.join(dict.fromkeys(known)) or 'none'}"


def pick(left: Sequence[Provisioner], flags: Sequence[str] = ("provisioner",)) -> Provisioner:
    """The only one, or the one the person chooses; says which it is."""
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
    """Whether the id is its key's, or its client id."""
    return kid in {key_of(provisioner).get("kid"), provisioner.get("clientID")} - {None}


def has_name(provisioner: Provisioner, name: str) -> bool:
    """Whether it is called so."""
    return provisioner.get("name") == name


def key_of(provisioner: Provisioner) -> dict[str, Any]:
    """The public JWK of a JWK provisioner; {} for others."""
    key = provisioner.get("key")
    return key if isinstance(key, dict) else {}


def extension_of(provisioner: Provisioner) -> bytes:
    """The value of the certificate extension that says who let it through."""
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
