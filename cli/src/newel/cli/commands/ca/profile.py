"""`newel ca profile`: what an Apple device needs to trust the authority and to enrol by SCEP."""

from typing import TYPE_CHECKING, Any

from newel.cli.errors import UsageError
from newel.cli.interact.terminal import note
from newel.cli.operations.connection import AuthorityOptions, connect, url_of
from newel.cli.options.groups import authority_options

if TYPE_CHECKING:
    from newel.cli.operations.apple_profile import Enrolment
    from newel.cli.options.records.ca import CAProfileOptions


def run(options: "CAProfileOptions") -> None:
    """Ask the authority for its roots and write the profile, signed where a key is given."""
    from newel.cli.operations import apple_profile
    from newel.client import calls

    options.positionals(0, 1)
    if bool(options.sign_cert) != bool(options.sign_key):
        raise UsageError("flags '--sign-cert' and '--sign-key' go together")
    where = authority_options(options)
    with connect(where) as authority:
        roots = authority.send(calls.roots())
        enrolment = None if options.only_roots else find_enrolment(options, where, authority)
    profile = apple_profile.build(
        url_of(where), roots, enrolment, options.identifier, options.organization
    )
    if options.sign_cert and options.sign_key:
        profile = apple_profile.sign(
            profile, options.sign_cert, options.sign_key, options.sign_password_file
        )
    deliver(options, profile)


def find_enrolment(
    options: "CAProfileOptions", where: AuthorityOptions, authority: Any
) -> "Enrolment":
    """Return what the device has to ask for, and where. Raises CliError."""
    from newel.cli.operations import apple_profile
    from newel.cli.operations.tokens.provisioner_choice import list_all
    from newel.cli.store.files import read_password

    # the provisioner in defaults.json is the one that tokens come from
    wanted = options.provisioner if options.is_given("provisioner") else None
    name = apple_profile.choose(list_all(authority), wanted)
    return apple_profile.Enrolment(
        url=options.scep_url or apple_profile.scep_url(url_of(where), name),
        provisioner=name,
        challenge=read_password(options.require("challenge-file")),
        common_name=options.require("common-name"),
        names=tuple(options.san),
        key_size=options.key_size or apple_profile.KEY_SIZE,
    )


def deliver(options: "CAProfileOptions", profile: bytes) -> None:
    """Write the profile to its file, or to standard output. It holds the challenge: mode 0600."""
    if options.args:
        from newel.cli.store.files import write

        write(options.args[0], profile, force=options.force)
        note(f"The profile has been saved in {options.args[0]}.")
        return
    import sys

    sys.stdout.buffer.write(profile)
