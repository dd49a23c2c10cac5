"""`newel ssh renew`: a host certificate's successor, with the same key; once, or repeatedly with --daemon."""

from typing import TYPE_CHECKING

from newel.cli.interact.terminal import note, say
from newel.cli.operations.renewal import after_renewal
from newel.cli.operations.renewal import renewal as timing
from newel.cli.operations.renewal.leaf import Leaf
from newel.cli.operations.ssh import identity, renewal
from newel.cli.operations.ssh.certificate_files import certificate_of
from newel.cli.operations.times import parse_duration
from newel.cli.options.groups import authority_options, schedule, select, token_options
from newel.cli.store import atomic_write
from newel.crypto.ssh.certificates import Certificate, moment
from newel.crypto.ssh.public_keys import write_line

if TYPE_CHECKING:
    from newel.cli.options.records.ssh import SSHRenewOptions


def run(options: "SSHRenewOptions") -> int:
    """Write the new certificate over the old one, or to --out."""
    certificate_file, key_file = options.positionals(2)
    output = options.out or certificate_file
    after = select(after_renewal.AfterRenewal, options)
    after_renewal.check(after)
    old = certificate_of(certificate_file)
    if options.daemon or options.renew_period:
        return daemon(options, after, old, (certificate_file, key_file), output)
    remaining = timing.time_until_due(
        leaf_of(old), parse_duration(options.expires_in, "expires-in")
    )
    if remaining is not None:
        note(f"certificate not renewed: expires in {timing.text(remaining)}")
        return 0
    atomic_write.allow([output], force=options.force)
    once(options, certificate_file, key_file, output)
    say("Certificate", output)
    if options.json:
        from newel.cli.interact.terminal import show_json

        show_json({"certificate": output})
    after_renewal.act(after)
    return 0


def once(options: "SSHRenewOptions", certificate_file: str, key_file: str, output: str) -> None:
    """Renew and write. Raises CliError."""
    old = certificate_of(certificate_file)
    issued = renewal.renew(token_options(options), certificate_file, key_file)
    line = write_line(issued.certificate, old.key_id)
    known = identity.renew_files(authority_options(options), issued.identity)
    atomic_write.write_all([atomic_write.Target(output, line, 0o644), *known])


def daemon(
    options: "SSHRenewOptions",
    after: after_renewal.AfterRenewal,
    old: Certificate,
    files: tuple[str, str],
    output: str,
) -> int:
    """Renew again and again; later rounds start from what the earlier ones wrote."""
    from newel.cli.operations.renewal import renewal_daemon

    times = schedule(options, leaf_of(old), "renew-period")
    current, key_file = files

    def renew() -> tuple[Leaf, str]:
        nonlocal current
        once(options, current, key_file, output)
        current = output
        new = certificate_of(output)
        return leaf_of(new), f"{new.key_id} certificate renewed"

    return renewal_daemon.run(after, leaf_of(old), times, renew)


def leaf_of(certificate: Certificate) -> Leaf:
    """Return the serial number and validity that schedules need."""
    start, end = (moment(each) for each in (certificate.valid_after, certificate.valid_before))
    return Leaf(certificate.serial, start, end, ())
