"""`newel path`: where configuration, certificates and secrets are kept."""

from newel.cli.options.invocation import Invocation
from newel.cli.store import steppath


def run(call: Invocation) -> None:
    """Prints the authority's path, with --base the base directory, with --profile the profile's."""
    call.positionals(0)
    if call.on("base"):
        print(steppath.base_name())
        return
    context = steppath.context_of(call)
    print(
        steppath.profile_name(context) if call.on("profile") else steppath.authority_name(context)
    )
