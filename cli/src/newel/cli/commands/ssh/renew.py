"""`newel ssh renew`: a host certificate's successor, with the same key."""

from newel.cli import connection, file_sets
from newel.cli.invocation import Invocation
from newel.cli.ssh import renewal
from newel.cli.ssh.public_keys import write_line
from newel.cli.terminal import say


def run(call: Invocation) -> None:
    """Writes the new certificate over the old one, or to --out."""
    from newel.client import ssh_calls

    certificate_file, key_file = call.positionals(2)
    output = call.get("out") or certificate_file
    old = renewal.certificate_of(certificate_file)
    file_sets.allow([output], force=call.on("force"))
    place = renewal.ticket(call, "ssh/renew", certificate_file, key_file)
    with connection.connected(call, url=place.url, root=place.root) as authority:
        issued = authority.send(ssh_calls.renew(place.token))
    line = write_line(issued.certificate, old.key_id)
    file_sets.write_all([file_sets.Target(output, line, 0o644)])
    say("Certificate", output)
    if call.json:
        from newel.cli.terminal import show_json

        show_json({"certificate": output})
