"""`newel crypto keypair`: a public and a private key as PEM files."""

from typing import TYPE_CHECKING

from newel.cli.errors import CliError, UsageError
from newel.cli.interact.terminal import note
from newel.cli.operations.keys import key_choice
from newel.cli.operations.keys.key_output import new_password, private_pem, public_pem, write_pair
from newel.cli.store.files import write

if TYPE_CHECKING:
    from newel.cli.options.records.crypto import CryptoKeypairOptions


def run(options: "CryptoKeypairOptions") -> None:
    """Makes a key, or takes that of a JWK, and writes both halves."""
    public_file, private_file = options.positionals(2)
    if public_file == private_file:
        raise UsageError(
            "positional arguments <PUB_FILE> and <PRIV_FILE> cannot be equal in "
            f"'{options.command.usage}'"
        )
    source = options.from_jwk
    if source is None:
        choice = key_choice.chosen(options)
        password = new_password(options)
        key = key_choice.generate(choice)
    else:
        from newel.cli.operations.keys import key_files
        from newel.crypto.keys import PublicKey

        for flag in ("kty", "curve", "size"):
            if options.given("crv" if flag == "curve" else flag):
                raise UsageError(f"flag '--from-jwk' is incompatible with '--{flag}'")
        key = key_files.load(source).key
        if isinstance(key, bytes):
            raise CliError(f"{source} holds a symmetric key, which has no two halves")
        if isinstance(key, PublicKey):
            only_public(options, public_file, public_pem(key))
            return
        password = new_password(options)
    public = public_pem(key.public_key())
    write_pair((public_file, private_file), public, private_pem(key, password), options)


def only_public(options: "CryptoKeypairOptions", name: str, pem: bytes) -> None:
    """Writes what there is when the private half is not known."""
    write(name, pem, force=options.force)
    note(f"Your public key has been saved in {name}.")
    note("Only the public PEM was generated.")
    note("Cannot retrieve a private key from a public one.")
