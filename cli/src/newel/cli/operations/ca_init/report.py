"""What `ca init` has made and where it is."""

from typing import TYPE_CHECKING

from newel.cli import program
from newel.cli.interact.terminal import note, say
from newel.cli.store import steppath

if TYPE_CHECKING:
    from newel.cli.operations.ca_init.answers import Answers
    from newel.cli.operations.ca_init.configuration import Layout
    from newel.cli.operations.ca_init.init_options import InitOptions
    from newel.cli.operations.ca_init.material import Material


def show(
    options: "InitOptions",
    given: "Answers",
    layout: "Layout",
    material: "Material",
    context: steppath.Context | None,
) -> None:
    """Print what was created and where it is."""
    say("Root certificate", layout.certificate("root_ca.crt"))
    if material.intermediate and not options.intermediate:
        say("Root private key", layout.secret("root_ca_key"))
    say("Root fingerprint", material.fingerprint)
    if material.intermediate:
        say("Intermediate certificate", layout.certificate("intermediate_ca.crt"))
        say("Intermediate private key", layout.secret("intermediate_ca_key"))
    if material.ssh_host:
        for kind in ("user", "host"):
            say(f"SSH {kind} public key", layout.certificate(f"ssh_{kind}_ca_key.pub"))
            say(f"SSH {kind} private key", layout.secret(f"ssh_{kind}_ca_key"))
    if not options.pki:
        if not options.no_db:
            say("Database folder", layout.database)
        if options.ssh:
            say("Templates folder", layout.templates)
        say("Default configuration", layout.defaults)
        if context:
            profile = steppath.profile_path(context) / "config/defaults.json"
            say("Default profile configuration", str(profile))
        say("Certificate Authority configuration", layout.ca_json)
        if options.remote_management:
            say("Admin provisioner", f"{given.provisioner} (JWK)")
            say("Super admin subject", options.admin_subject or "step")
    made = "registration authority" if given.parent else "PKI"
    note(
        f"\nYour {made} is ready to go. "
        f"To generate certificates for individual services see '{program.name()} help ca'."
    )
