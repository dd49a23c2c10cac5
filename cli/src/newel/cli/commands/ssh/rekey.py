"""`newel ssh rekey`: a host certificate's successor, with a new key."""

from newel.cli.interact.terminal import say
from newel.cli.operations.keys import key_choice, key_output
from newel.cli.operations.ssh import identity, renewal
from newel.cli.operations.ssh.public_keys import wire_of, write_line
from newel.cli.options.invocation import Invocation
from newel.cli.store import atomic_write


def run(call: Invocation) -> None:
    """Writes the new key, its public half and its certificate, or none of them."""
    certificate_file, key_file = call.positionals(2)
    output = call.get("out")
    new_key = output or key_file
    new_certificate = f"{output}-cert.pub" if output else certificate_file
    old = renewal.certificate_of(certificate_file)
    atomic_write.allow([new_key, f"{new_key}.pub", new_certificate], force=call.on("force"))
    password = key_output.new_password(call)
    key = key_choice.generate(key_choice.KeyChoice("EC", "P-256", 0))
    public = wire_of(key)
    issued = renewal.renewed(call, certificate_file, key_file, public)
    atomic_write.write_all(
        [
            atomic_write.Target(new_key, key_output.openssh_private(key, password)),
            atomic_write.Target(f"{new_key}.pub", write_line(public, old.key_id), 0o644),
            atomic_write.Target(new_certificate, write_line(issued.certificate, old.key_id), 0o644),
            *identity.renewed(call, issued.identity),
        ]
    )
    say("Private Key", new_key)
    say("Public Key", f"{new_key}.pub")
    say("Certificate", new_certificate)
    if call.json:
        from newel.cli.interact.terminal import show_json

        show_json({"certificate": new_certificate, "privateKey": new_key})
