"""`newel ca certificate`: a key made here, a token, a request and a certificate, in one command."""

from newel.cli.errors import UsageError
from newel.cli.interact.terminal import say
from newel.cli.operations import certificate_requests, enroll
from newel.cli.operations.keys import key_choice
from newel.cli.options.invocation import Invocation
from newel.cli.options.times import for_authority
from newel.cli.store import atomic_write


def run(call: Invocation) -> None:
    """Writes a certificate and its key, or neither of them."""
    subject, certificate, key_file = call.positionals(3)
    refuse_what_cannot_be(call, certificate, key_file)
    choice = key_choice.chosen(call)
    atomic_write.allow([certificate, key_file], force=call.on("force"))
    if call.on("offline"):
        from newel.cli.operations.offline import certificates

        key = key_choice.generate(choice)
        chain = certificates.issue(call, key, subject, call.all("san") or [subject])
    else:
        ticket = enroll.prepare(call, subject, call.all("san"))
        key = key_choice.generate(choice)
        if isinstance(ticket, enroll.AcmeDirectory):
            from newel.cli.operations.acme import enroll as by_acme

            chain = by_acme.obtain(call, ticket, key, subject, call.all("san"))
        else:
            csr = certificate_requests.make(key, ticket.subject, ticket.sans)
            chain = enroll.sign(call, ticket, csr)
    from newel.cli.operations.keys.key_output import private_pem

    atomic_write.write_all(
        [
            atomic_write.Target(certificate, chain),
            atomic_write.Target(key_file, private_pem(key)),
        ]
    )
    say("Certificate", certificate)
    say("Private Key", key_file)
    if call.json:
        from newel.cli.interact.terminal import show_json

        show_json({"certificate": certificate, "privateKey": key_file})


def refuse_what_cannot_be(call: Invocation, certificate: str, key_file: str) -> None:
    """Flags and names that contradict each other, before anything is asked for."""
    if certificate == key_file:
        raise UsageError(
            "positional arguments <crt-file> and <key-file> cannot be equal in "
            f"'{call.command.usage}'"
        )
    if call.on("offline") and call.get("token"):
        raise UsageError("flag '--offline' is incompatible with '--token'")
    if call.get("attestation-uri") or (call.get("kms") or "").startswith(("tpmkms:", "yubikey:")):
        raise UsageError("keys that are attested by hardware are not supported by this version")
    for flag in ("not-before", "not-after"):
        for_authority(call, flag)
    for name in call.all("san"):
        certificate_requests.general_name(name)
