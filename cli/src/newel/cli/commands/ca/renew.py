"""`newel ca renew`: the same certificate with a new serial and a new validity."""

from newel.cli.errors import UsageError
from newel.cli.interact.terminal import note
from newel.cli.operations.renewal import after_renewal, renewal
from newel.cli.operations.renewal.leaf import Leaf, read_leaf
from newel.cli.operations.times import parse_duration
from newel.cli.options.groups import renewal_options, schedule, select
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
    after_renewal.act(after)
    return 0


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
        new = read_leaf(out)
        name = certificate_requests.common_name(loading.load_certificate(new.chain[0]))
        return new, f"{name} certificate renewed"

    return renewal_daemon.run(after, leaf, timing, renew)
