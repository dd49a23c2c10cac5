"""`newel ca policy …`: which names an authority, a provisioner or an ACME account may certify.

One module for all of them: their words are the path through the policy that is changed.
"""

from typing import TYPE_CHECKING, Any, cast

from newel.cli.errors import CliError, UsageError
from newel.cli.interact.terminal import show_json
from newel.cli.operations.administration import admin_session
from newel.cli.operations.administration.admin_session import AdminSession
from newel.cli.options.groups import admin_options

if TYPE_CHECKING:
    from newel.cli.options.records.ca import CAPolicyOptions
    from newel.client.admin_calls import Policy

LISTS = {
    "cn": "commonNames", "dns": "dns", "email": "emails", "ip": "ips", "uri": "uris",
    "principal": "principals",
}  # fmt: skip # a table

NONE = "certificate issuance policy does not exist"
Content = dict[str, Any]


def run(options: "CAPolicyOptions") -> None:
    """Show, remove or change a policy."""
    from newel.client import admin_calls

    way = options.command.path.split()[3:]
    whose = scope_of(options)
    if way == ["view"]:
        options.positionals(0)
        with admin_session.open_session(admin_options(options)) as session:
            found = read_policy(session, whose)
        if found is None:
            print(NONE)
        else:
            show(found)
    elif way == ["remove"]:
        options.positionals(0)
        with admin_session.open_session(admin_options(options)) as session:
            if read_policy(session, whose) is None:
                raise CliError(NONE)
            session.send(admin_calls.remove_policy(whose))
        print("policy deleted")
    else:
        change(options, whose, way)


def scope_of(options: "CAPolicyOptions") -> "Policy":
    """Whose policy the words and flags mean. Raises UsageError."""
    from newel.client.admin_calls import Policy

    scope, provisioner = options.command.path.split()[2], options.provisioner
    if scope == "authority":
        return Policy.of_authority()
    if not provisioner:
        raise UsageError(f"'{options.command.usage}' requires the '--provisioner' flag")
    if scope == "provisioner":
        return Policy.of_provisioner(provisioner)
    flags = ("eab-key-reference", "eab-key-id")
    reference, key = (options.get(flag) if options.has(flag) else None for flag in flags)
    if not reference and not key:
        raise UsageError("one of flag --eab-key-reference or --eab-key-id is required")
    return Policy.of_external_key(provisioner, reference=reference or "", key=key or "")


def read_policy(session: AdminSession, whose: "Policy") -> Content | None:
    """Return the current policy; None where there is none."""
    from newel.client import admin_calls
    from newel.client.errors import RefusedError

    try:
        return session.send(admin_calls.policy(whose))
    except RefusedError as error:
        if error.status == 404:
            return None
        raise


def change(options: "CAPolicyOptions", whose: "Policy", way: list[str]) -> None:
    """Add to a list, remove from it or allow wildcards; create the policy if it is missing."""
    from newel.client import admin_calls

    wildcards = way[1:2] == ["wildcards"]
    values = options.positionals(0, 1) if wildcards else options.positionals(1, -1)
    with admin_session.open_session(admin_options(options)) as session:
        before = read_policy(session, whose)
        policy = before or {}
        if wildcards:
            branch = cast("Content", policy.setdefault("x509", {}))
            branch["allowWildcardNames"] = way[2] == "allow"
        else:
            edit(policy, way, values, remove=options.on("remove"))
        answer = session.send(admin_calls.put_policy(whose, policy, new=before is None))
    show(answer)


def edit(policy: Content, way: list[str], values: list[str], *, remove: bool) -> None:
    """Change the list at ``way``: x509 allow dns, or ssh host deny principal."""
    holder = policy
    for word in way[:-1]:
        holder = cast("Content", holder.setdefault(word, {}))
    name = LISTS[way[-1]]
    if way[0] == "ssh" and name == "ips":
        raise CliError("SSH policies have no addresses")
    known = [str(value) for value in holder.get(name) or []]
    if remove:
        known = [value for value in known if value not in values]
    else:
        known += [value for value in dict.fromkeys(values) if value not in known]
    holder[name] = known


def show(policy: Content) -> None:
    """Print the policy with every possible branch, as the authority's format prints it."""
    x509, ssh = cast("Content", policy.get("x509") or {}), cast("Content", policy.get("ssh") or {})
    whole: Content = {
        "x509": {
            "allow": x509.get("allow") or {},
            "deny": x509.get("deny") or {},
            "allowWildcardNames": bool(x509.get("allowWildcardNames")),
        },
        "ssh": {
            side: {
                kind: cast("Content", ssh.get(side) or {}).get(kind) or {}
                for kind in ("allow", "deny")
            }
            for side in ("host", "user")
        },
    }
    show_json(whole, indent=3)
