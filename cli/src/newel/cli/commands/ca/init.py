"""`newel ca init`: a new authority's keys, certificates and configuration, all of them or nothing."""

import sys
from typing import TYPE_CHECKING

from newel.cli import file_sets, paths
from newel.cli.file_sets import Target
from newel.cli.invocation import Invocation
from newel.cli.new_authority import answers as questions
from newel.cli.new_authority.answers import Answers
from newel.cli.terminal import note, say

if TYPE_CHECKING:
    from newel.cli.new_authority.configuration import Layout
    from newel.cli.new_authority.material import Material, Signer
    from newel.crypto.keys import PrivateKey

ALREADY = """⚠️  It looks like this machine is already configured to connect to an authority.
You can use 'contexts' to switch between authorities: see 'step help context'.
"""
FOLDERS = ("certs", "config", "secrets")


def run(call: Invocation) -> None:
    """Asks what no flag says, makes everything, and only then writes."""
    from newel.cli.new_authority import configuration, helm_values

    call.positionals(0)
    call.forget_defaults()
    questions.check(call)
    if not wants_context(call) and (paths.base() / "config/ca.json").exists():
        note(ALREADY)
    given = questions.gather(call)
    if given.kind == questions.HOSTED:
        hosted()
        return
    context = new_context(call, given)
    layout = (
        helm_values.HOME if call.on("helm") else configuration.Layout(paths.authority_path(context))
    )
    if call.get("intermediate-csr"):
        make_request(call, given, layout)
        return
    material = make(call, given)
    fingerprint = root_fingerprint(material)
    targets = files_of(material, layout, given.password, keep_keys=not call.get("intermediate"))
    note("")
    if call.on("helm"):
        config = configuration.ca_json(call, given, layout)
        settings = configuration.defaults(call, given, layout, fingerprint)
        print(helm_values.render(config, settings, targets), end="")
        return
    if not call.on("pki"):
        targets += configured(call, given, layout, fingerprint)
    write(targets, layout, call)
    if context:
        paths.add(context)
    report(call, given, layout, material, fingerprint, context)


def wants_context(call: Invocation) -> bool:
    """Whether the authority shall be one of several."""
    if call.given("no-context") and call.on("no-context"):
        return False
    return any(call.get(flag) for flag in ("context", "authority", "profile")) or bool(
        paths.contexts()
    )


def new_context(call: Invocation, given: Answers) -> paths.Context | None:
    """The context it is to be, named after its first DNS name unless a flag says otherwise."""
    if not wants_context(call):
        return None
    name = (
        call.get("context") or call.get("authority") or (given.dns[0] if given.dns else given.name)
    )
    return paths.Context(name, call.get("authority") or name, call.get("profile") or name)


def hosted() -> None:
    """A hosted authority is not made here."""
    note("Sign up where your authority is hosted, then connect to it with:")
    note("  step ca bootstrap --team <name> --authority <authority>")


def make(call: Invocation, given: Answers) -> "Material":
    """The keys and certificates, with a line for each step as it is done."""
    from newel.cli.new_authority import material

    if given.parent:
        root, intermediate = material.Signer(given.parent.root(), None), None
    else:
        root, intermediate = make_signers(call, given)
    if not call.on("ssh"):
        return material.Material(root, intermediate)
    progress("Generating user and host SSH certificate signing keys")
    keys = material.new_key(), material.new_key()
    done()
    return material.Material(root, intermediate, *keys)


def make_signers(call: Invocation, given: Answers) -> "tuple[Signer, Signer]":
    """Root and intermediate, made here or taken over."""
    from newel.cli.new_authority import material

    note("")
    if call.get("root"):
        progress("Copying root certificate")
        root = material.existing(
            call.require("root"), call.get("key"), call.get("key-password-file")
        )
    else:
        progress("Generating root certificate")
        root = material.new_root(given.name)
    done()
    if call.get("intermediate"):
        progress("Copying intermediate certificate")
        intermediate = material.existing_intermediate(call, root)
    else:
        progress("Generating intermediate certificate")
        intermediate = material.new_intermediate(given.name, root)
    done()
    return root, intermediate


def progress(what: str) -> None:
    """The beginning of a line that :func:`done` ends."""
    print(f"{what}...", end=" ", file=sys.stderr, flush=True)


def done() -> None:
    """The end of the line."""
    print("done!", file=sys.stderr)


def root_fingerprint(material: "Material") -> str:
    """SHA-256 of the root, hex."""
    from cryptography.hazmat.primitives.serialization import Encoding

    from newel.step.fingerprint import fingerprint

    return fingerprint(material.root.certificate.public_bytes(Encoding.DER))


def files_of(
    material: "Material", layout: "Layout", password: bytes, *, keep_keys: bool
) -> list[Target]:
    """Certificates and encrypted keys; a root's key that was brought along is kept only where it signed."""
    from cryptography.hazmat.primitives.serialization import Encoding

    from newel.cli.key_output import openssh_public, private_pem

    signers = {"root_ca": material.root, "intermediate_ca": material.intermediate}
    targets = [
        Target(layout.certificate(f"{name}.crt"), signer.certificate.public_bytes(Encoding.PEM))
        for name, signer in signers.items()
        if signer
    ]
    keys: list[tuple[str, PrivateKey | None]] = [
        ("root_ca_key", material.root.key if keep_keys else None),
        ("intermediate_ca_key", material.intermediate.key if material.intermediate else None),
        ("ssh_host_ca_key", material.ssh_host),
        ("ssh_user_ca_key", material.ssh_user),
    ]
    for name, key in keys:
        if key is None:
            continue
        targets.append(Target(layout.secret(name), private_pem(key, password)))
        if name.startswith("ssh_"):
            targets.append(
                Target(layout.certificate(f"{name}.pub"), openssh_public(key.public_key()))
            )
    return targets


def configured(
    call: Invocation, given: Answers, layout: "Layout", fingerprint: str
) -> list[Target]:
    """ca.json, defaults.json and, with --ssh, the templates."""
    from newel.cli.new_authority import configuration, ssh_templates

    settings = configuration.defaults(call, given, layout, fingerprint)
    config = configuration.ca_json(call, given, layout)
    targets = [
        Target(layout.defaults, configuration.as_file(settings), 0o644),
        Target(layout.ca_json, configuration.as_file(config), 0o644),
    ]
    if call.on("ssh"):
        folder = layout.base / "templates/ssh"
        targets += [
            Target(str(folder / name), text.encode(), 0o644)
            for name, text in ssh_templates.TEXTS.items()
        ]
    return targets


def write(targets: list[Target], layout: "Layout", call: Invocation) -> None:
    """Everything at once, after asking about each file that is there already."""
    from newel.cli.files import make_directory

    for name in (*FOLDERS, *(["templates/ssh"] if call.on("ssh") else [])):
        make_directory(layout.base / name)
    file_sets.allow([target.name for target in targets], force=False)
    file_sets.write_all(targets)


def make_request(call: Invocation, given: Answers, layout: "Layout") -> None:
    """For a root that is kept offline: the intermediate's key here, and a request to carry to the root."""
    from newel.cli.key_output import private_pem
    from newel.cli.new_authority import material

    key, name = material.new_key(), call.require("intermediate-csr")
    key_file = layout.secret("intermediate_ca_key")
    targets = [
        Target(name, material.request(given.name, key)),
        Target(key_file, private_pem(key, given.password)),
    ]
    write(targets, layout, call)
    say("Intermediate private key", key_file)
    say("Intermediate certificate signing request", name)
    note(
        "\nHave the request signed as an authority by your root, then run the same command again with:\n"
        f"  --root ROOT --intermediate CERTIFICATE --intermediate-key {key_file}"
    )


def report(
    call: Invocation,
    given: Answers,
    layout: "Layout",
    material: "Material",
    fingerprint: str,
    context: paths.Context | None,
) -> None:
    """What was made and where it is."""
    say("Root certificate", layout.certificate("root_ca.crt"))
    if material.intermediate and not call.get("intermediate"):
        say("Root private key", layout.secret("root_ca_key"))
    say("Root fingerprint", fingerprint)
    if material.intermediate:
        say("Intermediate certificate", layout.certificate("intermediate_ca.crt"))
        say("Intermediate private key", layout.secret("intermediate_ca_key"))
    if material.ssh_host:
        for kind in ("user", "host"):
            say(f"SSH {kind} public key", layout.certificate(f"ssh_{kind}_ca_key.pub"))
            say(f"SSH {kind} private key", layout.secret(f"ssh_{kind}_ca_key"))
    if not call.on("pki"):
        if not call.on("no-db"):
            say("Database folder", layout.database)
        if call.on("ssh"):
            say("Templates folder", layout.templates)
        say("Default configuration", layout.defaults)
        if context:
            profile = paths.profile_path(context) / "config/defaults.json"
            say("Default profile configuration", str(profile))
        say("Certificate Authority configuration", layout.ca_json)
        if call.on("remote-management"):
            say("Admin provisioner", f"{given.provisioner} (JWK)")
            say("Super admin subject", call.get("admin-subject") or "step")
    made = "registration authority" if given.parent else "PKI"
    note(
        f"\nYour {made} is ready to go. "
        "To generate certificates for individual services see 'step help ca'."
    )
