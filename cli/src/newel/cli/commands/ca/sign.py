"""`newel ca sign`: a certificate for a request that was made elsewhere."""

from newel.cli.errors import UsageError
from newel.cli.interact.terminal import say
from newel.cli.operations import certificate_requests, enroll
from newel.cli.options.invocation import Invocation
from newel.cli.options.times import for_authority
from newel.cli.store import atomic_write
from newel.cli.store.files import read


def run(call: Invocation) -> None:
    """Writes the certificate of a request."""
    csr_file, certificate = call.positionals(2)
    if call.on("offline") and call.get("token"):
        raise UsageError("flag '--offline' is incompatible with '--token'")
    for flag in ("not-before", "not-after"):
        for_authority(call, flag)
    request = certificate_requests.read(read(csr_file), csr_file)
    names = certificate_requests.asked_names(request)
    subject = certificate_requests.asked_subject(request) or (names[0] if names else "")
    atomic_write.allow([certificate], force=call.on("force"))
    if call.on("offline"):
        from newel.cli.operations.keys.key_files import from_spki
        from newel.cli.operations.offline import certificates

        key = from_spki(request.spki, csr_file)
        chain = certificates.issue(call, key, subject, names or [subject])
    else:
        ticket = enroll.prepare(call, subject, names)
        if isinstance(ticket, enroll.AcmeDirectory):
            from newel.cli.operations.acme import enroll as by_acme

            chain = by_acme.obtain_for(call, ticket, request.der, subject, names)
        else:
            from newel.cli.certificates.sources import pem

            chain = enroll.sign(call, ticket, pem(request.der, "CERTIFICATE REQUEST"))
    atomic_write.write_all([atomic_write.Target(certificate, chain)])
    say("Certificate", certificate)
    if call.json:
        from newel.cli.interact.terminal import show_json

        show_json({"certificate": certificate})
