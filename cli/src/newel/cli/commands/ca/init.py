"""`newel ca init`: a new authority's keys, certificates and configuration, all of them or nothing."""

from typing import TYPE_CHECKING

from newel.cli import program
from newel.cli.errors import UsageError
from newel.cli.interact.terminal import note, say
from newel.cli.operations.ca_init import answers as questions
from newel.cli.operations.ca_init.answers import Answers
from newel.cli.operations.ca_init.init_options import InitOptions
from newel.cli.options.groups import select
from newel.cli.store import steppath
from newel.cli.store.atomic_write import Target

if TYPE_CHECKING:
    from newel.cli.operations.ca_init.configuration import Layout
    from newel.cli.options.records.ca import CAInitOptions

INCOMPATIBLE = (
    ("pki", "no-db"),
    ("pki", "helm"),
    ("remote-management", "no-db"),
    ("acme", "no-db"),
    ("admin-subject", "helm"),
    ("intermediate-csr", "helm"),
    ("federated-root", "pki"),
    ("federated-root", "helm"),
)
ALREADY = """⚠️  It looks like this machine is already configured to connect to an authority.
You can use 'contexts' to switch between authorities: see '{} help context'.
"""


def run(options: "CAInitOptions") -> None:
    """Ask what no flag says, make everything, and only then write."""
    from newel.cli.operations.ca_init import builder, configuration, files, helm_values, report

    options.positionals(0)
    options.forget_defaults()
    refuse_contradictions(options)
    wanted = select(InitOptions, options)
    questions.check(wanted)
    if not wants_context(options) and (steppath.base() / "config/ca.json").exists():
        note(ALREADY.format(program.name()))
    given = questions.gather(wanted)
    if given.kind == questions.HOSTED:
        refuse_hosted()
        return
    context = new_context(options, given)
    layout = (
        helm_values.HOME if options.helm else configuration.Layout(steppath.authority_path(context))
    )
    if options.intermediate_csr:
        make_request(wanted, given, layout)
        return
    material = builder.make(wanted, given)
    keep = not options.intermediate
    targets = files.files_of(material, layout, given.password, keep_keys=keep)
    note("")
    if options.helm:
        config = configuration.ca_json(wanted, given, layout)
        settings = configuration.defaults(wanted, given, layout, material.fingerprint)
        print(helm_values.render(config, settings, targets), end="")
        return
    if not options.pki:
        targets += files.configure(wanted, given, layout, material.fingerprint)
    files.write(targets, layout, ssh=wanted.ssh)
    if context:
        steppath.add(context)
    report.show(wanted, given, layout, material, context)


def refuse_contradictions(options: "CAInitOptions") -> None:
    """Raise UsageError for two flags of the command line that exclude each other."""
    for first, second in INCOMPATIBLE:
        if options.is_given(first) and options.is_given(second):
            raise UsageError(f"flag '--{first}' is incompatible with '--{second}'")


def wants_context(options: "CAInitOptions") -> bool:
    """Say whether the authority shall be one of several."""
    if options.is_given("no-context") and options.no_context:
        return False
    return any(options.get(flag) for flag in ("context", "authority", "profile")) or bool(
        steppath.contexts()
    )


def new_context(options: "CAInitOptions", given: Answers) -> steppath.Context | None:
    """Return the new context, named after the first DNS name unless a flag names it."""
    if not wants_context(options):
        return None
    name = options.context or options.authority or (given.dns[0] if given.dns else given.name)
    return steppath.Context(name, options.authority or name, options.profile or name)


def refuse_hosted() -> None:
    """Refuse a hosted authority, which this program cannot create."""
    note("Sign up where your authority is hosted, then connect to it with:")
    note(f"  {program.name()} ca bootstrap --team <name> --authority <authority>")


def make_request(options: InitOptions, given: Answers, layout: "Layout") -> None:
    """For a root that is kept offline: the intermediate's key here, and a request to carry to the root."""
    from newel.cli.operations.ca_init import files, material
    from newel.cli.operations.keys.key_output import private_pem

    key, name = material.new_key(), str(options.intermediate_csr)
    key_file = layout.secret("intermediate_ca_key")
    targets = [
        Target(name, material.request(given.name, key)),
        Target(key_file, private_pem(key, given.password)),
    ]
    files.write(targets, layout, ssh=options.ssh)
    say("Intermediate private key", key_file)
    say("Intermediate certificate signing request", name)
    note(
        "\nHave the request signed as an authority by your root, then run the same command again with:\n"
        f"  --root ROOT --intermediate CERTIFICATE --intermediate-key {key_file}"
    )
