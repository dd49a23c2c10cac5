"""`newel verify`: whose signature it is, and that the content is what was signed."""

from typing import TYPE_CHECKING

from newel.cli import program
from newel.cli.commands.certificate import verify as certificate
from newel.cli.errors import CliError, UsageError
from newel.cli.interact.terminal import say, show_json
from newel.cli.jose import jws_messages, signers
from newel.cli.jose.jws_messages import Jws
from newel.cli.jose.signers import Signer
from newel.cli.operations.inventory.layouts import plain
from newel.cli.options import output
from newel.cli.options.delegation import delegate
from newel.cli.options.groups import authority_options
from newel.cli.store.files import read

if TYPE_CHECKING:
    from newel.cli.options.records.verify import VerifyOptions


def run(options: "VerifyOptions") -> None:
    """Verify a file by its --signature, or a signed message, whose content is then the result."""
    (name,) = options.positionals(0, 1) or ["-"]
    apart = options.signature
    if apart:
        message = read_message(apart).about(read(name, exact=True))
    else:
        message = read_message(name)
        if not message.payload_text:
            raise UsageError(
                "the content is not in it: "
                f"'{program.name()} verify FILE --signature SIGNATURE' says what was signed"
            )
    jws_messages.refuse_unknown(message)
    signer = signer_of(options, message)
    content = jws_messages.verify(message, signer.key)
    wanted = options.signer
    if wanted and wanted not in signer.names:
        raise CliError(f"it is signed by {plain(signer.names)}, not by {wanted}")
    show(options, message, signer)
    if not apart and (options.out or not options.json):
        output.deliver(options, content)


def read_message(name: str) -> Jws:
    """Return the JWS in a file, unverified."""
    return jws_messages.parse(read(name).decode(errors="replace"))


def signer_of(options: "VerifyOptions", message: Jws) -> Signer:
    """Return the holder of --key; without it, whom a certificate below the roots names. Raises CliError."""
    named = options.key
    if named:
        return signers.by_key(named, message)
    from newel.cli.operations.certificates import vouched
    from newel.cli.operations.times import resolve_time
    from newel.client.clock import now

    stored = authority_options(options).stored_root
    roots = options.roots or (str(stored) if stored.is_file() else "")
    if not roots:
        raise UsageError("one of flag --roots or --key is required: 'ca bootstrap' stored no root")
    at = resolve_time(options.at, "at", now()) or now()
    signer = signers.by_chain(message, vouched.roots_in(roots), at)
    if options.verify_crl or options.verify_ocsp:
        toolkit = delegate(options, "certificate verify")
        certificate.check_status(toolkit, signer.chain[0], list(signer.chain))
    return signer


def show(options: "VerifyOptions", message: Jws, signer: Signer) -> None:
    """Print the signer: JSON on stdout, or a line on stderr."""
    if options.json:
        show_json(
            {
                "valid": True,
                "signer": signer.names,
                "algorithm": message.header["alg"],
                "notAfter": signer.chain[0].not_after.isoformat() if signer.chain else None,
            }
        )
    else:
        say("Signed by", plain(signer.names))
