"""`newel path`: where configuration, certificates and secrets are kept."""

from newel.cli.options.invocation import context_of
from newel.cli.store import steppath

TYPE_CHECKING = False
if TYPE_CHECKING:
    from newel.cli.options.records.path import PathOptions


def run(options: "PathOptions") -> None:
    """Print the authority's path, with --base the base directory, with --profile the profile's."""
    options.positionals(0)
    if options.base:
        print(steppath.base_name())
        return
    context = context_of(options)
    print(steppath.profile_name(context) if options.profile else steppath.authority_name(context))
