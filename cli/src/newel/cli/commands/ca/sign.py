"""`newel ca sign`: a certificate for a request that was made elsewhere."""

from newel.cli import certificate_requests, enrolment, file_sets
from newel.cli.errors import UsageError
from newel.cli.files import read
from newel.cli.invocation import Invocation
from newel.cli.moments import for_authority
from newel.cli.terminal import say


def run(call: Invocation) -> None:
    """Writes the certificate of a request."""
    from cryptography.hazmat.primitives.serialization import Encoding

    csr_file, certificate = call.positionals(2)
    if call.on("offline") and call.get("token"):
        raise UsageError("flag '--offline' is incompatible with '--token'")
    for flag in ("not-before", "not-after"):
        for_authority(call, flag)
    request = certificate_requests.read(read(csr_file), csr_file)
    names = certificate_requests.names_of(request)
    subject = certificate_requests.common_name(request) or (names[0] if names else "")
    file_sets.allow([certificate], force=call.on("force"))
    if call.on("offline"):
        from newel.cli.keys.key_files import usable
        from newel.cli.offline import certificates

        chain = certificates.issue(
            call, usable(request.public_key(), csr_file), subject, names or [subject]
        )
    else:
        ticket = enrolment.prepare(call, subject, names)
        if isinstance(ticket, enrolment.AcmeDirectory):
            from newel.cli.acme import enrolment as by_acme

            chain = by_acme.obtain_for(call, ticket, request, subject, names)
        else:
            csr = request.public_bytes(Encoding.PEM).decode()
            chain = enrolment.sign(call, ticket, csr)
    file_sets.write_all([file_sets.Target(certificate, chain)])
    say("Certificate", certificate)
    if call.json:
        from newel.cli.terminal import show_json

        show_json({"certificate": certificate})
