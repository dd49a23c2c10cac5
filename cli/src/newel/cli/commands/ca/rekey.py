"""`newel ca rekey`: the same certificate for a new key."""

from typing import TYPE_CHECKING

from newel.cli.errors import CliError, UsageError
from newel.cli.interact.terminal import note, say
from newel.cli.operations import certificate_requests, connection
from newel.cli.operations.keys import key_choice, kms, signing_keys
from newel.cli.operations.renewal import after_renewal, renewal
from newel.cli.operations.renewal.leaf import Leaf, read_leaf
from newel.cli.operations.times import parse_duration
from newel.cli.options.groups import (
    authority_options,
    key_options,
    renewal_options,
    schedule,
    select,
)
from newel.cli.store import atomic_write
from newel.cli.store.files import read
from newel.client.clock import now

if TYPE_CHECKING:
    from newel.cli.options.records.ca import CARekeyOptions
    from newel.crypto.keys import PrivateKey


def run(options: "CARekeyOptions") -> int:
    """Rekey once, or repeatedly with --daemon: each round makes a new key."""
    certificate, key_file = options.positionals(2)
    after = select(after_renewal.AfterRenewal, options)
    after_renewal.check(after)
    if options.kms or kms.is_uri(key_file):
        check_service(options)
    leaf = read_leaf(certificate)
    if leaf.not_after <= now():
        raise CliError("cannot rekey an expired certificate")
    out, out_key = options.out_cert or certificate, options.out_key or key_file
    if options.rekey_period or options.daemon:
        return run_daemon(options, after, leaf, (certificate, key_file), (out, out_key))
    limit = parse_duration(options.expires_in, "expires-in")
    remaining = renewal.time_until_due(leaf, limit)
    if remaining is not None:
        note(f"certificate not rekeyed: expires in {renewal.text(remaining)}")
        return 0
    new_file = [] if options.private_key and not options.out_key else [out_key]
    atomic_write.allow([out, *new_file], force=options.force)
    rekey(options, (certificate, key_file), (out, out_key))
    say("Certificate", out)
    say("Private Key", out_key if new_file else str(options.private_key))
    after_renewal.act(after)
    return 0


def check_service(options: "CARekeyOptions") -> None:
    """Require the name of the new key, because a key service creates none here and no file is written."""
    if not options.private_key:
        raise UsageError("flag '--kms' requires the '--private-key' flag")
    for flag in ("out-key", "daemon"):
        if options.is_given(flag):
            raise UsageError(f"flag '--kms' is incompatible with '--{flag}'")


def run_daemon(
    options: "CARekeyOptions",
    after: after_renewal.AfterRenewal,
    leaf: Leaf,
    old: tuple[str, str],
    new: tuple[str, str],
) -> int:
    """Rekey the files again and again."""
    from newel.cli.operations.renewal import renewal_daemon

    timing = schedule(options, leaf, "rekey-period")
    current = old

    def rekey_current() -> tuple[Leaf, str]:
        nonlocal current
        name = rekey(options, current, new)
        current = new
        return read_leaf(new[0]), f"{name} certificate rekeyed"

    return renewal_daemon.run(after, leaf, timing, rekey_current)


def rekey(options: "CARekeyOptions", old: tuple[str, str], new: tuple[str, str]) -> str:
    """Ask for the certificate of another key and write both, or neither; return its name."""
    from newel.client import calls
    from newel.crypto import loading

    given = options.private_key
    if given:
        key = signing_keys.signing_key(given, options.password_file, options.kms)
    else:
        key = key_choice.generate(key_choice.choose(key_options(options)))
    before = loading.load_certificate(read_leaf(old[0]).chain[0])
    name = certificate_requests.common_name(before)
    if options.offline:
        from newel.cli.operations.offline import certificates

        keys = renewal.offline_keys(renewal_options(options))
        chain = certificates.renew(keys, *old, new_key=key.public_key())
    else:
        csr = certificate_requests.make(key, name, certificate_requests.names_of(before))
        authority, password_file = authority_options(options), options.password_file
        with connection.authenticate(authority, *old, password_file=password_file) as client:
            chain = client.send(calls.rekey(csr)).pem
    targets = [atomic_write.Target(new[0], chain)]
    if not given or options.out_key:
        targets.append(atomic_write.Target(new[1], encrypt_like(options, old[1], key)))
    atomic_write.write_all(targets)
    return name


def encrypt_like(options: "CARekeyOptions", old_key: str, key: "PrivateKey") -> bytes:
    """Return the new key's PEM, encrypted with the old key's password if a file holds it."""
    from newel.cli.operations.keys.key_output import private_pem
    from newel.cli.operations.keys.key_passwords import password_for

    password = options.password_file
    if password and b"ENCRYPTED" in read(old_key):
        return private_pem(key, password_for(old_key, password))
    return private_pem(key)
