"""`newel crl inspect`: a revocation list in a file, on stdin or at a URL, and whether its issuer signed it."""

import sys
from typing import TYPE_CHECKING, Any

from newel.cli import program
from newel.cli.errors import CliError, UsageError
from newel.cli.operations.certificates import sources
from newel.cli.operations.certificates.issuers import subject_key_id
from newel.cli.render.certificates import crl_extensions
from newel.cli.render.certificates.json_certificate import signature_algorithm
from newel.cli.render.certificates.json_keys import text
from newel.cli.render.certificates.json_names import members as name_members
from newel.cli.render.certificates.layout import columns, join
from newel.client.clock import now
from newel.crypto import der, oids
from newel.crypto.reader import extensions as values
from newel.crypto.reader import public_keys
from newel.crypto.reader.lists import RevocationList, RevokedCertificate, parse_list
from newel.crypto.reader.names import format_name

if TYPE_CHECKING:
    import ssl

    from newel.cli.options.records.crl import CRLInspectOptions
    from newel.crypto.reader.certificates import Certificate, Extension

Json = dict[str, Any]
CRL_SIGN = 1 << 6


def run(options: "CRLInspectOptions") -> None:
    """Show the list."""
    name = (options.positionals(0, 1) or ["-"])[0]
    asked = options.from_
    if not asked and not options.ca and not options.insecure:
        raise UsageError(f"'{program.name()} crl inspect' requires the '--insecure' flag")
    authorities = sources.from_file(options.require("ca")) if options.ca else []
    if asked:
        leaf, *others = bundle_of(options, name)
        points = leaf.extension(oids.CRL_DISTRIBUTION_POINTS)
        found = values.crl_points(points) if points is not None else []
        if not found:
            raise CliError(f"failed to get CRL distribution points from {name}")
        name, authorities = found[0], authorities + others
        if not authorities and not options.insecure:
            raise UsageError(f"'{program.name()} crl inspect' requires the '--insecure' flag")
    data = load_list(options, name)
    if options.format == "pem":
        sys.stdout.write(sources.pem(data, "X509 CRL"))
        return
    try:
        crl = parse_list(data)
        valid, reason = verdict(crl, data, authorities)
        if options.format == "json" or options.json:
            from newel.cli.interact.terminal import show_json

            show_json(as_json(crl, valid=valid, reason=reason))
        else:
            sys.stdout.write(as_text(crl, valid=valid, reason=reason))
    except der.DERError as error:
        raise CliError(f"error parsing crl: {error}") from None


def bundle_of(options: "CRLInspectOptions", name: str) -> "list[Certificate]":
    """Return the certificates of a file or of a server, the leaf first."""
    if not sources.is_url(name):
        return sources.from_file(name)
    from newel.cli.operations.certificates.remote import peer_certificates

    ders = peer_certificates(name, None, ",".join(options.roots) or None, insecure=False)
    return [sources.parse(one, name) for one in ders]


def load_list(options: "CRLInspectOptions", name: str) -> bytes:
    """Return the list in DER, wherever it is."""
    if name.lower().startswith(("http://", "https://")):
        from newel.cli.operations.certificates.downloads import fetch

        try:
            data = fetch(name, tls=trust_text(options))
        except CliError as error:
            raise CliError(f"error downloading crl: {error}") from None
    else:
        data = sources.contents(name)
    found = [block.data for block in sources.blocks(data) if block.label == "X509 CRL"]
    return found[0] if found else data


def trust_text(options: "CRLInspectOptions") -> "ssl.SSLContext | None":
    """TLS that trusts --roots, the system's without them."""
    roots = ",".join(options.roots)
    if not roots:
        return None
    from newel.cli.operations.certificates.remote import client_context

    return client_context(roots, insecure=False)


def verdict(crl: RevocationList, data: bytes, authorities: "list[Certificate]") -> tuple[bool, str]:
    """Say whether one of the authorities signed the list and it is of today; else why not."""
    value = crl.extension(oids.AUTHORITY_KEY_IDENTIFIER)
    wanted = values.authority_key_id(value) if value is not None else b""
    reason = ""
    for authority in authorities:
        usage = authority.extension(oids.KEY_USAGE)
        own = subject_key_id(authority)
        signs = usage is not None and values.key_usage(usage) & CRL_SIGN
        if not signs or not own or (wanted and wanted != own):
            continue
        reason = problem(crl, data, authority)
        if not reason:
            return True, ""
    return False, reason


def problem(crl: RevocationList, data: bytes, authority: "Certificate") -> str:
    """Return why the list is not this authority's of today, "" when it is."""
    from newel.cli.operations.certificates import status
    from newel.crypto import loading

    at = now()
    if crl.next_update is not None and at > crl.next_update:
        return "CRL has expired"
    if at > authority.not_after:
        return "CA certificate has expired"
    issuer = loading.load_certificate(authority.der)
    signed = status.check_signature(status.revocation_list(data), issuer)
    return "" if signed and crl.issuer == authority.subject else "Signature does not match"


def number_of(crl: RevocationList) -> int:
    """Return the number, as the original shows it in the place of the version; 0 for none."""
    value = crl.extension(oids.CRL_NUMBER)
    return der.Reader(value).integer() if value is not None else 0


def as_text(crl: RevocationList, *, valid: bool, reason: str) -> str:
    """Return the whole list."""
    algorithm = public_keys.signature_name(crl.algorithm)
    number = number_of(crl)
    lines = [
        "Certificate Revocation List (CRL):",
        "    Data:",
        f"        Valid: {str(valid).lower()}",
        *([f"        Reason: {reason}"] if reason else []),
        f"        Version: {number} (0x{number:x})",
        f"    Signature algorithm: {algorithm}",
        f"        Issuer: {format_name(crl.issuer)}",
        f"        Last Update: {stamp(crl.this_update)}",
        f"        Next Update: {stamp(crl.next_update) if crl.next_update else 'none'}",
        "        CRL Extensions:",
        *extension_lines(crl.extensions, 12),
    ]
    lines.append(
        f"        {'Revoked Certificates:' if crl.revoked else 'No Revoked Certificates.'}"
    )
    for entry in crl.revoked:
        serial = public_keys.unsigned_octets(abs(entry.serial)).hex().upper()
        lines += [
            f"            Serial Number: {entry.serial} (0x{serial})",
            f"                Revocation Date: {stamp(entry.revoked_at)}",
        ]
        if entry.extensions:
            lines.append("                CRL Entry Extensions:")
            lines += extension_lines(entry.extensions, 20)
    lines.append(f"    Signature Algorithm: {algorithm}")
    return join([*lines, *columns(crl.signature, 16, 8)])


def stamp(at: object) -> str:
    """Return a time as Go prints one."""
    return f"{at:%Y-%m-%d %H:%M:%S} +0000 UTC"


def extension_lines(listed: "tuple[Extension, ...]", indent: int) -> list[str]:
    """Return titles and the lines below them."""
    found: list[str] = []
    for extension in listed:
        shown = crl_extensions.render_extension(extension)
        found.append(" " * indent + shown.title)
        found += [" " * (indent + 4) + one for one in shown.lines]
    return found


def as_json(crl: RevocationList, *, valid: bool, reason: str) -> Json:
    """Return the whole list in the members scripts know."""
    algorithm = signature_algorithm(crl.algorithm)
    key_id = crl.extension(oids.AUTHORITY_KEY_IDENTIFIER)
    issuer = name_members(crl.issuer)
    single = {key: issuer[key][-1] for key in ("serial_number", "common_name") if key in issuer}
    return {
        "version": number_of(crl) + 1,
        "signature_algorithm": algorithm,
        "issuer": issuer | single,
        "this_update": f"{crl.this_update:%Y-%m-%dT%H:%M:%SZ}",
        "next_update": f"{crl.next_update:%Y-%m-%dT%H:%M:%SZ}" if crl.next_update else None,
        "revoked_certificates": [json_entry(entry) for entry in crl.revoked],
        **(
            {"extensions": [crl_extensions.render_extension(e).members for e in crl.extensions]}
            if crl.extensions
            else {}
        ),
        "signature": {
            "signature_algorithm": algorithm,
            "value": text(crl.signature),
            "valid": valid,
            **({"reason": reason} if reason else {}),
        },
        "AuthorityKeyID": text(values.authority_key_id(key_id)) if key_id is not None else None,
        "Raw": text(crl.tbs),
    }


def json_entry(entry: RevokedCertificate) -> Json:
    """One entry."""
    found: Json = {
        "serial_number": str(entry.serial),
        "revocation_time": f"{entry.revoked_at:%Y-%m-%dT%H:%M:%SZ}",
    }
    if entry.extensions:
        found["extensions"] = [
            crl_extensions.render_extension(each).members for each in entry.extensions
        ]
    return found
