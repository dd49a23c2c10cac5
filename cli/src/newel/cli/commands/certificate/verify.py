"""`newel certificate verify`: whether a certificate chains to a root, is for a host, and was not revoked."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from newel.cli.errors import CliError
from newel.cli.operations.certificates import file_or_server, root_files, sources, trust
from newel.client.clock import now
from newel.crypto import oids
from newel.crypto.reader import extensions as values

if TYPE_CHECKING:
    from cryptography import x509

    from newel.cli.options.records.certificate import CertificateVerifyOptions
    from newel.crypto.reader.certificates import Certificate


def run(options: "CertificateVerifyOptions") -> None:
    """Verify, and print nothing on success unless --verbose."""
    name = options.positionals(1)[0]
    given = options.roots
    roots = (
        [sources.parse(one, given) for one in root_files.root_certificates(given)]
        if given
        else trust.system_roots()
    )
    leaf, *others = certificates(options, name)
    facts = ["certificate validated against roots"]
    try:
        host = options.host
        if host:
            from newel.cli.operations.certificates.hosts import check_host

            trust.check_itself(leaf, now())
            check_host(leaf, host)
            facts.append("certificate host name validated")
        chain = trust.chain_of(leaf, others, roots, now())
    except trust.TrustError as error:
        raise CliError(f"failed to verify certificate: {error}") from None
    if options.verify_crl or options.verify_ocsp:
        facts += check_status(options, leaf, chain)
    if options.json:
        from newel.cli.interact.terminal import show_json

        show_json({"valid": True, "checked": facts})
    elif options.verbose:
        print("\n".join([*facts, "certficiate is valid"]))  # the word as scripts know it


def certificates(options: "CertificateVerifyOptions", name: str) -> "list[Certificate]":
    """Return the leaf and the certificates that may be between it and a root."""
    if sources.is_url(name):
        return file_or_server.read_certificates(
            name, roots=options.roots, servername=options.servername, insecure=True
        )  # verified here
    data = sources.contents(name)
    if b"-----BEGIN " not in data:
        raise CliError(f"{name} contains an invalid PEM block")
    found = [block for block in sources.blocks(data) if block.label == "CERTIFICATE"]
    if not found:
        raise CliError(f"{name} contains no PEM certificate blocks")
    return [sources.parse(block.data, name) for block in found]


def check_status(
    options: "CertificateVerifyOptions", leaf: "Certificate", chain: "list[Certificate]"
) -> list[str]:
    """Ask lists and responders; return what they said."""
    from newel.cli.operations.certificates import status
    from newel.cli.operations.certificates.downloads import fetch
    from newel.cli.operations.certificates.remote import client_context
    from newel.crypto import loading

    issuer = find_issuer(options, chain)
    one = loading.load_certificate(leaf.der)
    roots = options.roots
    tls = client_context(roots, insecure=False) if roots else None
    said: list[str] = []

    def in_list(url: str) -> None:
        try:
            data = fetch(url, tls=tls)
        except CliError as error:
            raise CliError(f"error downloading crl: {error}") from None
        believed = None if options.insecure else issuer
        status.check_list(data, url, leaf.serial, believed, now())

    def by_responder(url: str) -> None:
        try:
            data = fetch(url, status.ocsp_request(one, issuer), tls)
        except CliError:
            raise CliError(f"error contacting OCSP server: {url}") from None
        status.check_response(data, url, one, issuer, now())

    if options.verify_crl:
        where = endpoints(
            options,
            "crl-endpoint",
            crl_points(leaf),
            "CRL distribution endpoint not found in certificate",
        )
        told = ask_first(options, where, in_list, "CRL distribution point(s)")
        said.append(f"certificate not revoked in CRL {told}")
    if options.verify_ocsp:
        where = endpoints(options, "ocsp-endpoint", responders(leaf), "no OCSP AIA extension found")
        told = ask_first(options, where, by_responder, "OCSP server(s)")
        said.append(f"certificate status is good according OCSP {told}")
    return said


def find_issuer(
    options: "CertificateVerifyOptions", chain: "list[Certificate]"
) -> "x509.Certificate":
    """Return the issuer: that of --issuing-ca, which must have signed the leaf, else the one in the chain."""
    from newel.crypto import loading
    from newel.crypto.loading import is_der_issued_by

    name = options.issuing_ca
    if name is None:
        return loading.load_certificate(chain[1 if len(chain) > 1 else 0].der)
    try:
        data = sources.contents(name)
    except CliError:
        raise CliError("unable to load the issuing CA certificate file") from None
    found = sources.blocks(data)
    if not found or found[0].label != "CERTIFICATE":
        raise CliError("failed to decode the issuing CA certificate")
    authority = sources.parse(found[0].data, name)
    if not is_der_issued_by(chain[0].der, authority.der):
        raise CliError(f"the certificate was not issued by the CA in {name}")
    return loading.load_certificate(authority.der)


def endpoints(
    options: "CertificateVerifyOptions", flag: str, found: list[str], missing: str
) -> list[str]:
    """Return the address of the flag, else those in the certificate."""
    given = options.get(flag)
    if not given and not found:
        raise CliError(missing)
    return [given] if given else found


def crl_points(leaf: "Certificate") -> list[str]:
    """Return where the certificate says its lists are."""
    value = leaf.extension(oids.CRL_DISTRIBUTION_POINTS)
    return values.crl_points(value) if value is not None else []


def responders(leaf: "Certificate") -> list[str]:
    """Return which responders the certificate names."""
    value = leaf.extension(oids.AUTHORITY_INFORMATION_ACCESS)
    return values.authority_access(value)[0] if value is not None else []


def ask_first(
    options: "CertificateVerifyOptions", where: list[str], ask: Callable[[str], None], what: str
) -> str:
    """Return the first address whose answer can be trusted; a revocation ends the command."""
    from newel.cli.operations.certificates.status import RevokedError

    for url in where:
        try:
            ask(url)
        except RevokedError:
            raise
        except CliError as error:
            if options.verbose:
                print(error)
            continue
        return url
    raise CliError(f"could not verify certificate against {what}")
