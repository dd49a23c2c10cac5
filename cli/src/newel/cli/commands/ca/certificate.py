"""`newel ca certificate`: a key made here, a token, a request and a certificate, in one command."""

from typing import TYPE_CHECKING

from newel.cli.errors import UsageError
from newel.cli.interact.terminal import say
from newel.cli.operations import certificate_requests, enroll
from newel.cli.operations.keys import key_choice
from newel.cli.options.times import for_authority
from newel.cli.store import atomic_write

if TYPE_CHECKING:
    from newel.cli.options.records.ca import CACertificateOptions


def run(options: "CACertificateOptions") -> None:
    """Writes a certificate and its key, or neither of them."""
    subject, certificate, key_file = options.positionals(3)
    refuse_what_cannot_be(options, certificate, key_file)
    choice = key_choice.chosen(options)
    atomic_write.allow([certificate, key_file], force=options.force)
    if options.offline:
        from newel.cli.operations.offline import certificates

        key = key_choice.generate(choice)
        chain = certificates.issue(options, key, subject, options.san or [subject])
    else:
        ticket = enroll.prepare(options, subject, options.san)
        key = key_choice.generate(choice)
        if isinstance(ticket, enroll.AcmeDirectory):
            from newel.cli.operations.acme import enroll as by_acme

            chain = by_acme.obtain(options, ticket, key, subject, options.san)
        else:
            csr = certificate_requests.make(key, ticket.subject, ticket.sans)
            chain = enroll.sign(options, ticket, csr)
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


def refuse_what_cannot_be(options: "CACertificateOptions", certificate: str, key_file: str) -> None:
    """Flags and names that contradict each other, before anything is asked for."""
    if certificate == key_file:
        raise UsageError(
            "positional arguments <crt-file> and <key-file> cannot be equal in "
            f"'{options.command.usage}'"
        )
    if options.offline and options.token:
        raise UsageError("flag '--offline' is incompatible with '--token'")
    if options.attestation_uri or (options.kms or "").startswith(("tpmkms:", "yubikey:")):
        raise UsageError("keys that are attested by hardware are not supported by this version")
    for flag in ("not-before", "not-after"):
        for_authority(options, flag)
    for name in options.san:
        certificate_requests.general_name(name)
