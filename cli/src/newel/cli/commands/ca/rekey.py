"""`newel ca rekey`: the same certificate for a new key."""

from typing import TYPE_CHECKING

from newel.cli.errors import CliError, UsageError
from newel.cli.interact.terminal import note, say
from newel.cli.operations import certificate_requests, connection
from newel.cli.operations.keys import key_choice, kms
from newel.cli.operations.renewal import after_renewal, renewal
from newel.cli.operations.renewal.leaf import Leaf, read_leaf
from newel.cli.options.invocation import Invocation
from newel.cli.store import atomic_write
from newel.cli.store.files import read
from newel.client.clock import now

if TYPE_CHECKING:
    from newel.crypto.keys import PrivateKey


def run(call: Invocation) -> int:
    """Rekeys once, or for ever with --daemon: each round makes a new key."""
    certificate, key_file = call.positionals(2)
    after_renewal.check(call)
    if call.get("kms") or kms.is_uri(key_file):
        check_service(call)
    leaf = read_leaf(certificate)
    if leaf.not_after <= now():
        raise CliError("cannot rekey an expired certificate")
    out, out_key = call.get("out-cert") or certificate, call.get("out-key") or key_file
    if call.get("rekey-period") or call.on("daemon"):
        return daemon(call, leaf, (certificate, key_file), (out, out_key))
    remaining = renewal.not_due(call, leaf)
    if remaining is not None:
        note(f"certificate not rekeyed: expires in {renewal.text(remaining)}")
        return 0
    new_file = [] if call.get("private-key") and not call.get("out-key") else [out_key]
    atomic_write.allow([out, *new_file], force=call.on("force"))
    rekeyed(call, (certificate, key_file), (out, out_key))
    say("Certificate", out)
    say("Private Key", out_key if new_file else str(call.get("private-key")))
    after_renewal.act(call)
    return 0


def check_service(call: Invocation) -> None:
    """A key service makes no keys here, so the new one must be named, and no file of it is written."""
    if not call.get("private-key"):
        raise UsageError("flag '--kms' requires the '--private-key' flag")
    for flag in ("out-key", "daemon"):
        if call.given(flag):
            raise UsageError(f"flag '--kms' is incompatible with '--{flag}'")


def daemon(call: Invocation, leaf: Leaf, old: tuple[str, str], new: tuple[str, str]) -> int:
    """Rekeys the files again and again."""
    from newel.cli.operations.renewal import renewal_daemon

    schedule = renewal_daemon.Schedule(call, leaf, "rekey-period")
    current = old

    def rekey() -> tuple[Leaf, str]:
        nonlocal current
        name = rekeyed(call, current, new)
        current = new
        return read_leaf(new[0]), f"{name} certificate rekeyed"

    return renewal_daemon.run(call, leaf, schedule, rekey)


def rekeyed(call: Invocation, old: tuple[str, str], new: tuple[str, str]) -> str:
    """Asks for the certificate of another key and writes both, or neither; returns its name."""
    from newel.client import calls
    from newel.crypto import loading

    given = call.get("private-key")
    if given:
        key = kms.signing_key(given, call.get("password-file"), call.get("kms"))
    else:
        key = key_choice.generate(key_choice.chosen(call))
    before = loading.load_certificate(read_leaf(old[0]).chain[0])
    name = certificate_requests.common_name(before)
    if call.on("offline"):
        from newel.cli.operations.offline import certificates

        chain = certificates.renewed(call, *old, new_key=key.public_key())
    else:
        csr = certificate_requests.make(key, name, certificate_requests.names_of(before))
        with connection.authenticated(call, *old) as authority:
            chain = authority.send(calls.rekey(csr)).pem
    targets = [atomic_write.Target(new[0], chain)]
    if not given or call.get("out-key"):
        targets.append(atomic_write.Target(new[1], sealed_like(call, old[1], key)))
    atomic_write.write_all(targets)
    return name


def sealed_like(call: Invocation, old_key: str, key: "PrivateKey") -> bytes:
    """The new key's PEM, under the old one's password where that had one from a file."""
    from newel.cli.operations.keys.key_files import password_for
    from newel.cli.operations.keys.key_output import private_pem

    password = call.get("password-file")
    if password and b"ENCRYPTED" in read(old_key):
        return private_pem(key, password_for(old_key, password))
    return private_pem(key)
