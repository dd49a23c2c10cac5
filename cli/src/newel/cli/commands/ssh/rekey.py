"""`newel ssh rekey`: a host certificate's successor, with a new key."""

from typing import TYPE_CHECKING

from newel.cli.interact.terminal import say
from newel.cli.operations.keys import key_choice, key_output
from newel.cli.operations.ssh import identity, renewal
from newel.cli.operations.ssh.certificate_files import certificate_of
from newel.cli.options.groups import authority_options, password_options, token_options
from newel.cli.store import atomic_write
from newel.crypto.ssh.public_keys import wire_of, write_line

if TYPE_CHECKING:
    from newel.cli.options.records.ssh import SSHRekeyOptions


def run(options: "SSHRekeyOptions") -> None:
    """Write the new key, its public half and its certificate, or none of them."""
    certificate_file, key_file = options.positionals(2)
    output = options.out
    new_key = output or key_file
    new_certificate = f"{output}-cert.pub" if output else certificate_file
    old = certificate_of(certificate_file)
    atomic_write.allow([new_key, f"{new_key}.pub", new_certificate], force=options.force)
    password = key_output.new_password(password_options(options))
    key = key_choice.generate(key_choice.KeyChoice("EC", "P-256", 0))
    public = wire_of(key)
    issued = renewal.renew(token_options(options), certificate_file, key_file, public)
    atomic_write.write_all(
        [
            atomic_write.Target(new_key, key_output.openssh_private(key, password)),
            atomic_write.Target(f"{new_key}.pub", write_line(public, old.key_id), 0o644),
            atomic_write.Target(new_certificate, write_line(issued.certificate, old.key_id), 0o644),
            *identity.renew_files(authority_options(options), issued.identity),
        ]
    )
    say("Private Key", new_key)
    say("Public Key", f"{new_key}.pub")
    say("Certificate", new_certificate)
    if options.json:
        from newel.cli.interact.terminal import show_json

        show_json({"certificate": new_certificate, "privateKey": new_key})
