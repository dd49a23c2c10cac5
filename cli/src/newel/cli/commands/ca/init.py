"""`newel ca init`: a new authority's keys, certificates and configuration, all of them or nothing."""

from typing import TYPE_CHECKING

from newel.cli import program
from newel.cli.interact.terminal import note, say
from newel.cli.operations.ca_init import answers as questions
from newel.cli.operations.ca_init.answers import Answers
from newel.cli.options.invocation import Invocation
from newel.cli.store import steppath
from newel.cli.store.atomic_write import Target

if TYPE_CHECKING:
    from newel.cli.operations.ca_init.configuration import Layout

ALREADY = """⚠️  It looks like this machine is already configured to connect to an authority.
You can use 'contexts' to switch between authorities: see '{} help context'.
"""


def run(call: Invocation) -> None:
    """Asks what no flag says, makes everything, and only then writes."""
    from newel.cli.operations.ca_init import builder, configuration, files, helm_values, report

    call.positionals(0)
    call.forget_defaults()
    questions.check(call)
    if not wants_context(call) and (steppath.base() / "config/ca.json").exists():
        note(ALREADY.format(program.name()))
    given = questions.gather(call)
    if given.kind == questions.HOSTED:
        hosted()
        return
    context = new_context(call, given)
    layout = (
        helm_values.HOME
        if call.on("helm")
        else configuration.Layout(steppath.authority_path(context))
    )
    if call.get("intermediate-csr"):
        make_request(call, given, layout)
        return
    material = builder.make(call, given)
    keep = not call.get("intermediate")
    targets = files.files_of(material, layout, given.password, keep_keys=keep)
    note("")
    if call.on("helm"):
        config = configuration.ca_json(call, given, layout)
        settings = configuration.defaults(call, given, layout, material.fingerprint)
        print(helm_values.render(config, settings, targets), end="")
        return
    if not call.on("pki"):
        targets += files.configured(call, given, layout, material.fingerprint)
    files.write(targets, layout, call)
    if context:
        steppath.add(context)
    report.show(call, given, layout, material, context)


def wants_context(call: Invocation) -> bool:
    """Whether the authority shall be one of several."""
    if call.given("no-context") and call.on("no-context"):
        return False
    return any(call.get(flag) for flag in ("context", "authority", "profile")) or bool(
        steppath.contexts()
    )


def new_context(call: Invocation, given: Answers) -> steppath.Context | None:
    """The context it is to be, named after its first DNS name unless a flag says otherwise."""
    if not wants_context(call):
        return None
    name = (
        call.get("context") or call.get("authority") or (given.dns[0] if given.dns else given.name)
    )
    return steppath.Context(name, call.get("authority") or name, call.get("profile") or name)


def hosted() -> None:
    """A hosted authority is not made here."""
    note("Sign up where your authority is hosted, then connect to it with:")
    note(f"  {program.name()} ca bootstrap --team <name> --authority <authority>")


def make_request(call: Invocation, given: Answers, layout: "Layout") -> None:
    """For a root that is kept offline: the intermediate's key here, and a request to carry to the root."""
    from newel.cli.operations.ca_init import files, material
    from newel.cli.operations.keys.key_output import private_pem

    key, name = material.new_key(), call.require("intermediate-csr")
    key_file = layout.secret("intermediate_ca_key")
    targets = [
        Target(name, material.request(given.name, key)),
        Target(key_file, private_pem(key, given.password)),
    ]
    files.write(targets, layout, call)
    say("Intermediate private key", key_file)
    say("Intermediate certificate signing request", name)
    note(
        "\nHave the request signed as an authority by your root, then run the same command again with:\n"
        f"  --root ROOT --intermediate CERTIFICATE --intermediate-key {key_file}"
    )
