"""`newel ca rekey`: the same certificate for a new key."""

from typing import TYPE_CHECKING

from newel.cli.errors import CliError, UsageError
from newel.cli.interact.terminal import note, say
from newel.cli.operations import certificate_requests, connection
from newel.cli.operations.keys import key_choice, kms
from newel.cli.operations.renewal import after_renewal, renewal
from newel.cli.operations.renewal.leaf import Leaf, read_leaf
from newel.cli.store import atomic_write
from newel.cli.store.files import read
from newel.client.clock import now

if TYPE_CHECKING:
    from newel.cli.options.records.ca import CARekeyOptions
    from newel.crypto.keys import PrivateKey


def run(options: "CARekeyOptions") -> int:
    """Rekeys once, or for ever with --daemon: each round makes a new key."""
    certificate, key_file = options.positionals(2)
    after_renewal.check(options)
    if options.kms or kms.is_uri(key_file):
        check_service(options)
    leaf = read_leaf(certificate)
    if leaf.not_after <= now():
        raise CliError("cannot rekey an expired certificate")
    out, out_key = options.out_cert or certificate, options.out_key or key_file
    if options.rekey_period or options.daemon:
        return daemon(options, leaf, (certificate, key_file), (out, out_key))
    remaining = renewal.not_due(options, leaf)
    if remaining is not None:
        note(f"certificate not rekeyed: expires in {renewal.text(remaining)}")
        return 0
    new_file = [] if options.private_key and not options.out_key else [out_key]
    atomic_write.allow([out, *new_file], force=options.force)
    rekeyed(options, (certificate, key_file), (out, out_key))
    say("Certificate", out)
    say("Private Key", out_key if new_file else str(options.private_key))
    after_renewal.act(options)
    return 0


def check_service(options: "CARekeyOptions") -> None:
    """A key service makes no keys here, so the new one must be named, and no file of it is written."""
    if not options.private_key:
        raise UsageError("flag '--kms' requires the '--private-key' flag")
    for flag in ("out-key", "daemon"):
        if options.given(flag):
            raise UsageError(f"flag '--kms' is incompatible with '--{flag}'")


def daemon(
    options: "CARekeyOptions", leaf: Leaf, old: tuple[str, str], new: tuple[str, str]
) -> int:
    """Rekeys the files again and again."""
    from newel.cli.operations.renewal import renewal_daemon

    schedule = renewal_daemon.Schedule(options, leaf, "rekey-period")
    current = old

    def rekey() -> tuple[Leaf, str]:
        nonlocal current
        name = rekeyed(options, current, new)
        current = new
        return read_leaf(new[0]), f"{name} certificate rekeyed"

    return renewal_daemon.run(options, leaf, schedule, rekey)


def rekeyed(options: "CARekeyOptions", old: tuple[str, str], new: tuple[str, str]) -> str:
    """Asks for the certificate of another key and writes both, or neither; returns its name."""
    from newel.client import calls
    from newel.crypto import loading

    given = options.private_key
    if given:
        key = kms.signing_key(given, options.password_file, options.kms)
    else:
        key = key_choice.generate(key_choice.chosen(options))
    before = loading.load_certificate(read_leaf(old[0]).chain[0])
    name = certificate_requests.common_name(before)
    if options.offline:
        from newel.cli.operations.offline import certificates

        chain = certificates.renewed(options, *old, new_key=key.public_key())
    else:
        csr = certificate_requests.make(key, name, certificate_requests.names_of(before))
        with connection.authenticated(options, *old) as authority:
            chain = authority.send(calls.rekey(csr)).pem
    targets = [atomic_write.Target(new[0], chain)]
    if not given or options.out_key:
        targets.append(atomic_write.Target(new[1], sealed_like(options, old[1], key)))
    atomic_write.write_all(targets)
    return name


def sealed_like(options: "CARekeyOptions", old_key: str, key: "PrivateKey") -> bytes:
    """The new key's PEM, under the old one's password where that had one from a file."""
    from newel.cli.operations.keys.key_files import password_for
    from newel.cli.operations.keys.key_output import private_pem

    password = options.password_file
    if password and b"ENCRYPTED" in read(old_key):
        return private_pem(key, password_for(old_key, password))
    return private_pem(key)
