"""`newel path`: where configuration, certificates and secrets are kept."""

from newel.cli import paths
from newel.cli.invocation import Invocation


def run(call: Invocation) -> None:
    """Prints the authority's path, with --base the base directory, with --profile the profile's."""
    call.positionals(0)
    if call.on("base"):
        print(paths.base_name())
        return
    context = paths.context_of(call)
    print(paths.profile_name(context) if call.on("profile") else paths.authority_name(context))
