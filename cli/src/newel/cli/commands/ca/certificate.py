"""`newel ca certificate`: a new key, a token, a request and a certificate, in one command."""

from typing import TYPE_CHECKING

from newel.cli.errors import UsageError
from newel.cli.interact.terminal import say
from newel.cli.operations import certificate_requests, enroll
from newel.cli.operations.keys import key_choice
from newel.cli.operations.times import parse_time
from newel.cli.options.groups import acme_options, key_options, template_data, token_options
from newel.cli.store import atomic_write

if TYPE_CHECKING:
    from newel.cli.options.records.ca import CACertificateOptions
    from newel.crypto.keys import PrivateKey


def run(options: "CACertificateOptions") -> None:
    """Write a certificate and its key, or neither of them."""
    subject, certificate, key_file = options.positionals(3)
    check(options, certificate, key_file)
    choice = key_choice.choose(key_options(options))
    atomic_write.allow([certificate, key_file], force=options.force)
    key, chain = obtain(options, choice, subject)
    from newel.cli.operations.keys.key_output import private_pem

    atomic_write.write_all(
        [
            atomic_write.Target(certificate, chain),
            atomic_write.Target(key_file, private_pem(key)),
        ]
    )
    say("Certificate", certificate)
    say("Private Key", key_file)
    if options.json:
        from newel.cli.interact.terminal import show_json

        show_json({"certificate": certificate, "privateKey": key_file})


def obtain(
    options: "CACertificateOptions", choice: key_choice.KeyChoice, subject: str
) -> "tuple[PrivateKey, bytes]":
    """Return a new key and the chain of its certificate: offline, by ACME or by a token."""
    tokens, data = token_options(options), template_data(options)
    start = parse_time(options.not_before, "not-before")
    end = parse_time(options.not_after, "not-after")
    if options.offline:
        from newel.cli.operations.offline import certificates

        key, sans = key_choice.generate(choice), options.san or [subject]
        return key, certificates.issue(tokens, key, subject, sans, (start, end), data)
    ticket = enroll.prepare(tokens, subject, options.san, token=options.token, acme=options.acme)
    key = key_choice.generate(choice)
    if isinstance(ticket, enroll.AcmeDirectory):
        from newel.cli.operations.acme import enroll as by_acme

        return key, by_acme.obtain(acme_options(options), ticket, key, subject, options.san)
    csr = certificate_requests.make(key, ticket.subject, ticket.sans)
    validity = (str(start), str(end))
    return key, enroll.sign(tokens.authority, ticket, csr, validity, data.read())


def check(options: "CACertificateOptions", certificate: str, key_file: str) -> None:
    """Refuse flags and names that contradict each other, before anything is asked for."""
    if certificate == key_file:
        raise UsageError(
            "positional arguments <crt-file> and <key-file> cannot be equal in "
            f"'{options.command.usage}'"
        )
    if options.offline and options.token:
        raise UsageError("flag '--offline' is incompatible with '--token'")
    if options.attestation_uri or (options.kms or "").startswith(("tpmkms:", "yubikey:")):
        raise UsageError("keys that are attested by hardware are not supported by this version")
    parse_time(options.not_before, "not-before")
    parse_time(options.not_after, "not-after")
    for name in options.san:
        certificate_requests.general_name(name)
