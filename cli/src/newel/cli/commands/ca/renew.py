"""`newel ca renew`: the same certificate with a new serial and a new validity."""

from newel.cli.errors import CliError, UsageError
from newel.cli.interact.terminal import note
from newel.cli.operations.renewal import after_renewal, renewal, served_roots
from newel.cli.operations.renewal.leaf import Leaf, read_leaf
from newel.cli.operations.times import parse_duration
from newel.cli.options.groups import authority_options, renewal_options, schedule, select
from newel.cli.store import atomic_write

TYPE_CHECKING = False
if TYPE_CHECKING:
    from newel.cli.options.records.ca import CARenewOptions


def run(options: "CARenewOptions") -> int:
    """Renew once, or again and again with --daemon."""
    certificate, key_file = options.positionals(2)
    if certificate == key_file:
        raise UsageError(
            "positional arguments <crt-file> and <key-file> cannot be equal in "
            f"'{options.command.usage}'"
        )
    after = select(after_renewal.AfterRenewal, options)
    after_renewal.check(after)
    check_roots_file(options)
    leaf = read_leaf(certificate)
    out = options.out or certificate
    if options.renew_period or options.daemon:
        return run_daemon(options, after, leaf, (certificate, key_file), out)
    limit = parse_duration(options.expires_in, "expires-in")
    remaining = renewal.time_until_due(leaf, limit)
    if remaining is not None:
        note(f"certificate not renewed: expires in {renewal.text(remaining)}")
        return 0
    atomic_write.allow([out], force=options.force)
    chain = renewal.renew(renewal_options(options), certificate, key_file, leaf)
    atomic_write.write_all([atomic_write.Target(out, chain)])
    note(f"Your certificate has been saved in {out}.")
    if options.roots_file and served_roots.update(authority_options(options), options.roots_file):
        note(f"The authority's roots have been saved in {options.roots_file}.")
    after_renewal.act(after)
    return 0


def check_roots_file(options: "CARenewOptions") -> None:
    """Refuse what has no authority to ask, or would overwrite something else. Raises CliError."""
    if not options.roots_file:
        return
    for flag in ("offline", "acme"):
        if options.is_given(flag):
            raise UsageError(f"flag '--roots-file' is incompatible with '--{flag}'")
    served_roots.check(options.roots_file)


def run_daemon(
    options: "CARenewOptions",
    after: after_renewal.AfterRenewal,
    leaf: Leaf,
    files: tuple[str, str],
    out: str,
) -> int:
    """Renew the file again and again; later rounds start from what the earlier ones wrote."""
    from newel.cli.operations import certificate_requests
    from newel.cli.operations.renewal import renewal_daemon

    timing = schedule(options, leaf, "renew-period")
    how = renewal_options(options)
    current, key_file = files

    def renew() -> tuple[Leaf, str]:
        nonlocal current
        from newel.crypto import loading

        chain = renewal.renew(how, current, key_file, read_leaf(current))
        atomic_write.write_all([atomic_write.Target(out, chain)])
        current = out
        keep_roots(options)
        new = read_leaf(out)
        name = certificate_requests.common_name(loading.load_certificate(new.chain[0]))
        return new, f"{name} certificate renewed"

    return renewal_daemon.run(after, leaf, timing, renew)


def keep_roots(options: "CARenewOptions") -> None:
    """Update --roots-file, before programs are told of the renewal; a failure is logged."""
    from newel.cli.operations.renewal.renewal_daemon import log

    if not options.roots_file:
        return
    try:
        if served_roots.update(authority_options(options), options.roots_file):
            log(f"the authority's roots are new in {options.roots_file}")
    except CliError as error:  # the certificate is new all the same
        log(f"error updating {options.roots_file}: {error}", level="ERROR")
