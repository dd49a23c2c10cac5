"""`newel ssh config`: what ssh and sshd must know of the authority, written or printed."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from newel.cli import program
from newel.cli.errors import CliError, UsageError
from newel.cli.interact.terminal import note
from newel.cli.operations import connection
from newel.cli.operations.ssh import admission, authorities, templates
from newel.cli.options.groups import authority_options, ssh_options, token_options
from newel.cli.options.invocation import context_of
from newel.cli.store import steppath
from newel.crypto.ssh import public_keys

if TYPE_CHECKING:
    from newel.cli.options.records.ssh import SSHConfigOptions
    from newel.client.ssh_calls import SSHKeys, Template

INCOMPATIBLE = (
    ("team", "host"),
    ("team", "roots"),
    ("team", "federation"),
    ("team", "set"),
    ("roots", "federation"),
    ("roots", "set"),
    ("federation", "set"),
)


def run(options: "SSHConfigOptions") -> None:
    """Print keys with --roots or --federation; else writes the configuration."""
    options.positionals(0)
    for first, second in INCOMPATIBLE:
        if options.all(first) and options.all(second):
            raise UsageError(f"flag '--{first}' is incompatible with '--{second}'")
    if options.team:
        join_team(options)
    if options.roots or options.federation:
        print_keys(options, public_keys_of(options))
        return
    configure(options)


def join_team(options: "SSHConfigOptions") -> None:
    """Bootstrap with the authority a team's directory names."""
    from newel.cli.commands.ca import bootstrap
    from newel.client.bootstrap import fetch_root

    settings = bootstrap.of_team(options)
    with connection.explain_refusals():
        root = fetch_root(settings["url"], settings["fingerprint"])
    extra = {name: settings[name] for name in bootstrap.FROM_TEAM if settings.get(name)}
    known = {"ca-url": settings["url"], "fingerprint": settings["fingerprint"], **extra}
    context = bootstrap.new_context(options, settings["url"])
    file = bootstrap.store(options, context, root, known)
    options.supply("ca-url", settings["url"])
    options.supply("root", str(file))


def public_keys_of(options: "SSHConfigOptions") -> "SSHKeys":
    """Print the keys that the authority signs with, from its answer or, with --offline, from its files."""
    federated = options.federation
    if options.offline:
        from newel.cli.operations.offline import ssh_keys

        return ssh_keys.public(token_options(options), federated=federated)
    with connection.connect(authority_options(options)) as authority:
        return authorities.keys(authority, federated=federated)


def print_keys(options: "SSHConfigOptions", found: "SSHKeys") -> None:
    """One line for each key that signs users' certificates or, with --host, hosts'."""
    host = options.host
    keys = found.host if host else found.user
    if not keys:
        name = "hostKey" if host else "userKey"
        raise CliError(f"the authority's ca.json has no ssh.{name}")
    lines = [public_keys.write_line(key).decode().strip() for key in keys]
    if options.json:
        from newel.cli.interact.terminal import show_json

        show_json(lines)
    else:
        print("\n".join(lines))


def configure(options: "SSHConfigOptions") -> None:
    """Write every part the authority renders, or print them with --dry-run."""
    from newel.client import ssh_calls
    from newel.client.clock import now

    host = options.host
    data = variables(options)
    if not host and "User" not in data:
        data["User"] = user_of_agent(options)
    found = admission.answer(
        ssh_options(options), ssh_calls.config("host" if host else "user", data)
    )
    if not found:
        note("No configuration changes were found.")
        return
    base, own = steppath.base(), steppath.authority_path(context_of(options))
    places = [templates.place(each, base, own) for each in found]
    if not host:
        for path in places:
            templates.check_within(path, [Path(steppath.home()), base, own])
    if options.dry_run:
        show(found, places)
        return
    for template, path in zip(found, places, strict=True):
        templates.write(template, path, now())
        note(f"✔ {path}")


def show(found: Sequence["Template"], places: Sequence[Path]) -> None:
    """Print what would be written, and where."""
    for template, path in zip(found, places, strict=True):
        note(str(path))
        note(template.content.decode(errors="replace"))


def variables(options: "SSHConfigOptions") -> dict[str, str]:
    """Return what the templates may use: of this machine, of the flags, and of --set."""
    context = context_of(options)
    data = {
        "GOOS": {"win32": "windows"}.get(sys.platform, sys.platform),
        "StepPath": str(steppath.authority_path(context)),
        "StepBasePath": str(steppath.base()),
        "StepSSHTemplateVersion": "v2",
    }
    if context:
        data["Context"] = context.name
    if options.console:
        data["Console"] = "true"
    for word in options.set_:
        name, equals, value = word.partition("=")
        if not equals:
            raise UsageError(f"invalid value '{word}' for flag '--set'")
        data[name] = value
    return data


def user_of_agent(options: "SSHConfigOptions") -> str:
    """Return the first principal of the certificate of this authority the agent holds. Raises CliError."""
    from newel.cli.operations.ssh import agent

    with connection.connect(authority_options(options)) as authority:
        trusted = authorities.user_keys(authority)
    with agent.connect() as connected:
        held = agent.certificates_signed_by(connected.identities(), trusted)
    for each in held:
        if each.certificate and each.certificate.principals:
            return each.certificate.principals[0]
    raise CliError(f"ssh certificate not found: please run `{program.name()} ssh login <identity>`")
