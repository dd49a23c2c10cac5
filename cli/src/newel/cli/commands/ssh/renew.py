"""`newel ssh renew`: a host certificate's successor, with the same key; once, or for ever with --daemon."""

from typing import TYPE_CHECKING

from newel.cli.interact.terminal import note, say
from newel.cli.operations.renewal import after_renewal
from newel.cli.operations.renewal import renewal as timing
from newel.cli.operations.renewal.leaf import Leaf
from newel.cli.operations.ssh import identity, renewal
from newel.cli.operations.ssh.certificates import Certificate, moment
from newel.cli.operations.ssh.public_keys import write_line
from newel.cli.store import atomic_write

if TYPE_CHECKING:
    from newel.cli.options.records.ssh import SSHRenewOptions


def run(options: "SSHRenewOptions") -> int:
    """Writes the new certificate over the old one, or to --out."""
    certificate_file, key_file = options.positionals(2)
    output = options.out or certificate_file
    after_renewal.check(options)
    old = renewal.certificate_of(certificate_file)
    if options.daemon or options.renew_period:
        return daemon(options, old, certificate_file, key_file, output)
    remaining = timing.not_due(options, leaf_of(old))
    if remaining is not None:
        note(f"certificate not renewed: expires in {timing.text(remaining)}")
        return 0
    atomic_write.allow([output], force=options.force)
    once(options, certificate_file, key_file, output)
    say("Certificate", output)
    if options.json:
        from newel.cli.interact.terminal import show_json

        show_json({"certificate": output})
    after_renewal.act(options)
    return 0


def once(options: "SSHRenewOptions", certificate_file: str, key_file: str, output: str) -> None:
    """Renews and writes. Raises CliError."""
    old = renewal.certificate_of(certificate_file)
    issued = renewal.renewed(options, certificate_file, key_file)
    line = write_line(issued.certificate, old.key_id)
    known = identity.renewed(options, issued.identity)
    atomic_write.write_all([atomic_write.Target(output, line, 0o644), *known])


def daemon(
    options: "SSHRenewOptions", old: Certificate, certificate_file: str, key_file: str, output: str
) -> int:
    """Renews again and again; later rounds start from what the earlier ones wrote."""
    from newel.cli.operations.renewal import renewal_daemon

    schedule = renewal_daemon.Schedule(options, leaf_of(old), "renew-period")
    current = certificate_file

    def renew() -> tuple[Leaf, str]:
        nonlocal current
        once(options, current, key_file, output)
        current = output
        new = renewal.certificate_of(output)
        return leaf_of(new), f"{new.key_id} certificate renewed"

    return renewal_daemon.run(options, leaf_of(old), schedule, renew)


def leaf_of(certificate: Certificate) -> Leaf:
    """Serial and validity as timers of certificates have them."""
    start, end = (moment(each) for each in (certificate.valid_after, certificate.valid_before))
    return Leaf(certificate.serial, start, end, ())
