"""`newel crypto keypair`: a public and a private key as PEM files."""

from typing import TYPE_CHECKING

from newel.cli.errors import CliError, UsageError
from newel.cli.interact.terminal import note
from newel.cli.operations.keys import key_choice
from newel.cli.operations.keys.key_output import new_password, private_pem, public_pem, write_pair
from newel.cli.options.groups import key_options, password_options
from newel.cli.store.files import write

if TYPE_CHECKING:
    from newel.cli.options.records.crypto import CryptoKeypairOptions


def run(options: "CryptoKeypairOptions") -> None:
    """Make a key, or take that of a JWK, and write both halves."""
    public_file, private_file = options.positionals(2)
    if public_file == private_file:
        raise UsageError(
            "positional arguments <PUB_FILE> and <PRIV_FILE> cannot be equal in "
            f"'{options.command.usage}'"
        )
    source = options.from_jwk
    if source is None:
        choice = key_choice.choose(key_options(options))
        password = new_password(password_options(options))
        key = key_choice.generate(choice)
    else:
        from newel.cli.operations.keys import key_files
        from newel.crypto.keys import PublicKey

        for flag in ("kty", "curve", "size"):
            if options.is_given("crv" if flag == "curve" else flag):
                raise UsageError(f"flag '--from-jwk' is incompatible with '--{flag}'")
        key = key_files.load(source).key
        if isinstance(key, bytes):
            raise CliError(f"{source} holds a symmetric key, which has no two halves")
        if isinstance(key, PublicKey):
            only_public(options, public_file, public_pem(key))
            return
        password = new_password(password_options(options))
    public = public_pem(key.public_key())
    write_pair(
        (public_file, private_file),
        public,
        private_pem(key, password),
        force=options.force,
        json=options.json,
    )


def only_public(options: "CryptoKeypairOptions", name: str, pem: bytes) -> None:
    """Write the public key when the private one is not known."""
    write(name, pem, force=options.force)
    note(f"Your public key has been saved in {name}.")
    note("Only the public PEM was generated.")
    note("Cannot retrieve a private key from a public one.")
