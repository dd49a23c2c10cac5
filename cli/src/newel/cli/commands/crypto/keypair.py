"""`newel crypto keypair`: a public and a private key as PEM files."""

from newel.cli.errors import CliError, UsageError
from newel.cli.interact.terminal import note
from newel.cli.operations.keys import key_choice
from newel.cli.operations.keys.key_output import new_password, private_pem, public_pem, write_pair
from newel.cli.options.invocation import Invocation
from newel.cli.store.files import write


def run(call: Invocation) -> None:
    """Makes a key, or takes that of a JWK, and writes both halves."""
    public_file, private_file = call.positionals(2)
    if public_file == private_file:
        raise UsageError(
            "positional arguments <PUB_FILE> and <PRIV_FILE> cannot be equal in "
            f"'{call.command.usage}'"
        )
    source = call.get("from-jwk")
    if source is None:
        choice = key_choice.chosen(call)
        password = new_password(call)
        key = key_choice.generate(choice)
    else:
        from newel.cli.operations.keys import key_files
        from newel.crypto.keys import PublicKey

        for flag in ("kty", "curve", "size"):
            if call.given("crv" if flag == "curve" else flag):
                raise UsageError(f"flag '--from-jwk' is incompatible with '--{flag}'")
        key = key_files.load(source).key
        if isinstance(key, bytes):
            raise CliError(f"{source} holds a symmetric key, which has no two halves")
        if isinstance(key, PublicKey):
            only_public(call, public_file, public_pem(key))
            return
        password = new_password(call)
    public = public_pem(key.public_key())
    write_pair((public_file, private_file), public, private_pem(key, password), call)


def only_public(call: Invocation, name: str, pem: bytes) -> None:
    """Writes what there is when the private half is not known."""
    write(name, pem, force=call.on("force"))
    note(f"Your public key has been saved in {name}.")
    note("Only the public PEM was generated.")
    note("Cannot retrieve a private key from a public one.")
