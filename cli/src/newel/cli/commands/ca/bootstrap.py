"""`newel ca bootstrap`: from an address and a fingerprint to an authority every command knows."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from newel.cli.errors import UsageError
from newel.cli.interact.terminal import note
from newel.cli.operations.connection import COMPARE, explain_refusals, parse_url
from newel.cli.options.delegation import parse
from newel.cli.store import atomic_write, steppath

if TYPE_CHECKING:
    from newel.cli.options.records.ca import CABootstrapOptions
    from newel.cli.options.records.ssh import SSHConfigOptions


FROM_TEAM = ("redirect-url", "provisioner", "min-password-length")


def run(options: "CABootstrapOptions") -> None:
    """Fetch and verify the root, then write root, defaults and context, all or none of them."""
    from newel.client.bootstrap import fetch_root

    options.positionals(0)
    options.forget_defaults()
    settings = of_team(options) if options.team else {}
    url = settings.get("url") or parse_url(options.require("ca-url"))
    fingerprint = settings.get("fingerprint") or options.require("fingerprint")
    with explain_refusals(hint=COMPARE):
        root = fetch_root(url, fingerprint)
    extra = {name: settings[name] for name in FROM_TEAM if settings.get(name)}
    if options.redirect_url:
        extra["redirect-url"] = options.redirect_url
    context = new_context(options, url)
    file = store(options, context, root, {"ca-url": url, "fingerprint": fingerprint, **extra})
    if options.install:
        from newel.cli.commands.certificate import install

        install.run(parse("certificate install", str(file)))


def new_context(
    options: "CABootstrapOptions | SSHConfigOptions", url: str
) -> steppath.Context | None:
    """Return the context the flags ask for or, once there are contexts, one for this authority."""
    from urllib.parse import urlsplit

    given = [options.get(name) for name in ("context", "authority", "profile")]
    if options.is_given("no-context") and options.no_context:
        return None
    if not any(given) and not steppath.contexts():
        return None
    name, authority, profile = given
    name = name or authority or urlsplit(url).hostname or ""
    for word in (name, authority, profile):
        if word and (word in {".", ".."} or "/" in word or "\\" in word):
            raise UsageError(f"invalid value '{word}' for a context: it is the name of a folder")
    return steppath.Context(name, authority or name, profile or name)


def store(
    options: "CABootstrapOptions | SSHConfigOptions",
    context: steppath.Context | None,
    root: str,
    settings: dict[str, Any],
) -> Path:
    """Write what bootstrap learned; returns the file of the root."""
    from newel.cli.store.files import make_directory

    base = steppath.authority_path(context)
    certificate, defaults = base / "certs/root_ca.crt", base / "config/defaults.json"
    merged = steppath.read_json(defaults) | settings | {"root": str(certificate)}
    for folder in (certificate.parent, defaults.parent):
        make_directory(folder)
    atomic_write.allow([str(certificate), str(defaults)], force=options.force)
    atomic_write.write_all(
        [
            atomic_write.Target(str(certificate), (root.strip() + "\n").encode()),
            atomic_write.Target(str(defaults), json.dumps(merged, indent=2).encode(), 0o644),
        ]
    )
    note(f"The root certificate has been saved in {certificate}.")
    note(f"The authority configuration has been saved in {defaults}.")
    if context:
        steppath.add(context)
        note(
            "The profile configuration has been saved in "
            f"{steppath.profile_path(context) / 'config/defaults.json'}."
        )
    return certificate


def of_team(options: "CABootstrapOptions | SSHConfigOptions") -> dict[str, Any]:
    """Return what a team's directory says of its authority: url, fingerprint and more."""
    from urllib.parse import quote, urlsplit

    from newel.client.authority import Authority
    from newel.client.calls import Call
    from newel.client.trust import client_tls

    options.exclusive("team", "ca-url")
    options.exclusive("team", "fingerprint")
    team, authority = options.require("team"), options.team_authority or "ssh"
    template = options.team_url
    url = urlsplit(
        template.replace("<>", quote(team, safe=""))
        if template
        else "https://api.smallstep.com/v1/teams/"
        f"{quote(team, safe='')}/authorities/{quote(authority, safe='')}"
    )
    path = url.path + (f"?{url.query}" if url.query else "")
    with (
        explain_refusals("error getting authority data: "),
        Authority(f"{url.scheme}://{url.netloc}", client_tls(None)) as directory,
    ):
        found = directory.send(Call("GET", path, json.loads))
    if not isinstance(found, dict) or not found.get("url") or not found.get("fingerprint"):
        raise UsageError("error getting authority data: missing url or fingerprint")
    return {"redirect-url": "https://smallstep.com/app/teams/sso/success", **found}
