"""`newel enroll key`: a person's public key, certified for SSH or added to a JWK set under their name."""

from typing import TYPE_CHECKING

from newel.cli.commands.crypto.jwk import keyset
from newel.cli.commands.ssh import certificate
from newel.cli.errors import CliError
from newel.cli.interact.terminal import say
from newel.cli.jose import jwk_files
from newel.cli.operations.keys import key_files
from newel.cli.options.delegation import delegate

if TYPE_CHECKING:
    from newel.cli.options.records.enroll import EnrollKeyOptions


def run(options: "EnrollKeyOptions") -> None:
    """Add the key to the set of --jwks, else get an SSH certificate for it."""
    name, key_file = options.positionals(2)
    jwks = options.jwks
    if not jwks:
        certificate.run(delegate(options, "ssh certificate", "--sign", name, key_file))
        return
    jwk = jwk_files.of_key(key_files.public_key(key_file), kid=name)
    with keyset.open_locked(jwks) as keys:
        same = [key for key in keys if key.get("kid") == name]
        if same and same != [jwk] and not options.force:
            raise CliError(
                f"{jwks} has another key for {name}: '--force' puts this one in its place"
            )
        keyset.save(jwks, [*(key for key in keys if key.get("kid") != name), jwk])
    say("Key", f"{jwks}#{name}")
    if options.json:
        from newel.cli.interact.terminal import show_json

        show_json({"jwks": jwks, "kid": name, "thumbprint": jwk_files.thumbprint(jwk)})
