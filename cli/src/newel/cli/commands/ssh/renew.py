"""`newel ssh renew`: a host certificate's successor, with the same key; once, or for ever with --daemon."""

from newel.cli.interact.terminal import note, say
from newel.cli.operations.renewal import after_renewal
from newel.cli.operations.renewal import renewal as timing
from newel.cli.operations.renewal.leaf import Leaf
from newel.cli.operations.ssh import identity, renewal
from newel.cli.operations.ssh.certificates import Certificate, moment
from newel.cli.operations.ssh.public_keys import write_line
from newel.cli.options.invocation import Invocation
from newel.cli.store import atomic_write


def run(call: Invocation) -> int:
    """Writes the new certificate over the old one, or to --out."""
    certificate_file, key_file = call.positionals(2)
    output = call.get("out") or certificate_file
    after_renewal.check(call)
    old = renewal.certificate_of(certificate_file)
    if call.on("daemon") or call.get("renew-period"):
        return daemon(call, old, certificate_file, key_file, output)
    remaining = timing.not_due(call, leaf_of(old))
    if remaining is not None:
        note(f"certificate not renewed: expires in {timing.text(remaining)}")
        return 0
    atomic_write.allow([output], force=call.on("force"))
    once(call, certificate_file, key_file, output)
    say("Certificate", output)
    if call.json:
        from newel.cli.interact.terminal import show_json

        show_json({"certificate": output})
    after_renewal.act(call)
    return 0


def once(call: Invocation, certificate_file: str, key_file: str, output: str) -> None:
    """Renews and writes. Raises CliError."""
    old = renewal.certificate_of(certificate_file)
    issued = renewal.renewed(call, certificate_file, key_file)
    line = write_line(issued.certificate, old.key_id)
    known = identity.renewed(call, issued.identity)
    atomic_write.write_all([atomic_write.Target(output, line, 0o644), *known])


def daemon(
    call: Invocation, old: Certificate, certificate_file: str, key_file: str, output: str
) -> int:
    """Renews again and again; later rounds start from what the earlier ones wrote."""
    from newel.cli.operations.renewal import renewal_daemon

    schedule = renewal_daemon.Schedule(call, leaf_of(old), "renew-period")
    current = certificate_file

    def renew() -> tuple[Leaf, str]:
        nonlocal current
        once(call, current, key_file, output)
        current = output
        new = renewal.certificate_of(output)
        return leaf_of(new), f"{new.key_id} certificate renewed"

    return renewal_daemon.run(call, leaf_of(old), schedule, renew)


def leaf_of(certificate: Certificate) -> Leaf:
    """Serial and validity as timers of certificates have them."""
    start, end = (moment(each) for each in (certificate.valid_after, certificate.valid_before))
    return Leaf(certificate.serial, start, end, ())
