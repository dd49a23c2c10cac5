"""`newel ssh certificate`: a key made here and a certificate for it, or a certificate for a key there is."""

from typing import TYPE_CHECKING, NamedTuple

from newel.cli.errors import CliError, UsageError
from newel.cli.interact.terminal import note, say
from newel.cli.operations.keys import key_choice
from newel.cli.operations.ssh import issuance, principals
from newel.cli.operations.ssh.ssh_options import CertificateRequest
from newel.cli.options.groups import key_options, password_options, ssh_options
from newel.cli.store import atomic_write
from newel.cli.store.files import read
from newel.crypto.ssh.public_keys import read_line, wire_of, write_line
from newel.crypto.ssh.wire import WireError

if TYPE_CHECKING:
    from newel.cli.options.records.ssh import SSHCertificateOptions
    from newel.crypto.keys import PrivateKey

READABLE = 0o644
PROMPT = "Please enter the password to encrypt the private key"


class Pair(NamedTuple):
    """The key to be certified. ``private`` is None when only its public half is known."""

    public: bytes
    private: "PrivateKey | None"


def run(options: "SSHCertificateOptions") -> None:
    """Write the key, its public half and the certificate, or none of them."""
    subject, key_file = options.positionals(2)
    refuse_what_cannot_be(options)
    host, sign = options.host, options.sign
    base = key_file.removesuffix(".pub") if sign else key_file
    names = options.principal or principals.of_subject(subject, host=host)
    certificate_options = ssh_options(options)
    wanted = CertificateRequest.of_options(certificate_options, subject, names, host=host)
    choice = key_choice.choose(key_options(options))
    outputs = output_names(options, base)
    atomic_write.allow(outputs, force=options.force)
    password = None if sign else new_password(options)
    pair = read_pair(options, key_file) if sign else generate_pair(choice)
    extra = generate_pair(choice) if options.add_user else None
    place = issuance.ticket(certificate_options, wanted, confirmation(pair) if sign else "")
    issued, identity = issuance.sign(
        certificate_options, place, wanted, pair.public, extra.public if extra else b""
    )
    line = write_line(issued.certificate, subject)
    targets = [atomic_write.Target(f"{base}-cert.pub", line, READABLE), *identity]
    if not sign:
        targets += key_targets(base, pair, subject, password)
    if extra and issued.add_user:
        comment = f"{principals.login_name(subject)}-provisioner"
        targets += key_targets(f"{base}-provisioner", extra, comment, None)
        line = write_line(issued.add_user, comment)
        targets.append(atomic_write.Target(f"{base}-provisioner-cert.pub", line, READABLE))
    atomic_write.write_all(targets)
    if not sign:
        say("Private Key", base)
        say("Public Key", f"{base}.pub")
    say("Certificate", f"{base}-cert.pub")
    if pair.private is not None and not host and not options.no_agent:
        add_to_agent(issued.certificate, pair.private, options.comment or subject)
    if extra and issued.add_user:
        say("Add User Private Key", f"{base}-provisioner")
        say("Add User Public Key", f"{base}-provisioner.pub")
        say("Add User Certificate", f"{base}-provisioner-cert.pub")
    if options.json:
        from newel.cli.interact.terminal import show_json

        key = None if sign else base
        show_json({"certificate": f"{base}-cert.pub", "privateKey": key})


def refuse_what_cannot_be(options: "SSHCertificateOptions") -> None:
    """Refuse flags that contradict each other, before anything is asked for."""
    if options.no_password:
        if not options.insecure:
            raise UsageError("flag '--no-password' requires the '--insecure' flag")
        for flag in ("min-password-length", "password-file"):
            if options.is_given(flag):
                raise UsageError(f"flag '--no-password' is incompatible with '--{flag}'")
    if options.token and options.is_given("provisioner-password-file"):
        raise UsageError("flag '--token' is incompatible with '--provisioner-password-file'")
    for flag in ("host", "offline"):
        if options.on(flag) and options.add_user:
            raise UsageError(f"flag '--{flag}' is incompatible with '--add-user'")
    if options.host_id and not options.host:
        raise UsageError("flag '--host-id' requires the '--host' flag")
    if options.add_user and len(options.principal) > 1:
        raise UsageError("flag '--add-user' is incompatible with more than one principal")


def output_names(options: "SSHCertificateOptions", base: str) -> list[str]:
    """Return the files the command will write."""
    names = [f"{base}-cert.pub"]
    if not options.sign:
        names += [base, f"{base}.pub"]
    if options.add_user:
        names += [f"{base}-provisioner{end}" for end in ("", ".pub", "-cert.pub")]
    return names


def new_password(options: "SSHCertificateOptions") -> bytes | None:
    """Return the password of the new key, of --min-password-length characters at least."""
    from newel.cli.operations.keys import key_output

    least = options.integer("min-password-length")
    prompt = f"{PROMPT} (must be at least {least} characters)" if least else PROMPT
    password = key_output.new_password(password_options(options), prompt)
    if password is not None and len(password.decode(errors="replace")) < least:
        raise CliError(f"the password must be at least {least} characters long")
    return password


def generate_pair(choice: key_choice.KeyChoice) -> Pair:
    """Return a new key."""
    key = key_choice.generate(choice)
    return Pair(wire_of(key), key)


def read_pair(options: "SSHCertificateOptions", name: str) -> Pair:
    """Return the public key of a file, and the private one of --private-key. Raises CliError."""
    try:
        line = read_line(read(name))
    except WireError as error:
        raise CliError(f"error parsing ssh public key: {error}") from None
    if line.certificate:
        raise CliError("error parsing ssh public key: it is a certificate")
    private_file = options.private_key
    if not private_file:
        return Pair(line.wire, None)
    from newel.cli.operations.keys.key_files import private_key

    key = private_key(private_file, options.password_file)
    if wire_of(key) != line.wire:
        raise CliError(f"the key {private_file} is not the private half of {name}")
    return Pair(line.wire, key)


def confirmation(pair: Pair) -> str:
    """Bind the token to the one key that shall be certified."""
    from newel.step.fingerprint import confirmation as of_octets

    return of_octets(pair.public)


def key_targets(
    base: str, pair: Pair, comment: str, password: bytes | None
) -> list[atomic_write.Target]:
    """Return the files of a new key."""
    from newel.cli.operations.keys import key_output

    if pair.private is None:
        return []
    private = key_output.openssh_private(pair.private, password)
    line = write_line(pair.public, comment)
    return [atomic_write.Target(base, private), atomic_write.Target(f"{base}.pub", line, READABLE)]


def add_to_agent(certificate: bytes, key: "PrivateKey", comment: str) -> None:
    """Add them to the agent; a missing agent is reported and is no error."""
    from newel.cli.operations.ssh import agent
    from newel.client.clock import now

    try:
        with agent.connect() as connected:
            connected.add(certificate, key, comment, now())
    except CliError as error:
        note(f"✗ SSH Agent: {error}")
    else:
        say("SSH Agent", "yes")
