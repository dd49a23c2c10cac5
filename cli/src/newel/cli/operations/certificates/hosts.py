"""Whether a certificate is for a host (RFC 9525), with the sentences Go has."""

import ipaddress

from newel.cli.operations.certificates.trust import TrustError
from newel.crypto import oids
from newel.crypto.reader import names
from newel.crypto.reader.certificates import Certificate


def check_host(one: Certificate, host: str) -> None:
    """Raise TrustError unless an alternative name is the address or covers the host name."""
    found = names.parse_general_names(one.extension(oids.SUBJECT_ALT_NAME))
    bare = host[1:-1] if host.startswith("[") and host.endswith("]") else host
    try:
        address = str(ipaddress.ip_address(bare))
    except ValueError:
        check_name(found, names.common_name(one.subject), host)
        return
    if not found.addresses:
        raise TrustError(
            f"x509: cannot validate certificate for {bare} because it doesn't contain any IP SANs"
        )
    if address not in found.addresses:
        raise TrustError(f"x509: certificate is valid for {', '.join(found.addresses)}, not {bare}")


def check_name(found: names.GeneralNames, common: str, host: str) -> None:
    """Match a host name against the DNS names; the common name is ignored."""
    if any(covers(pattern, host) for pattern in found.dns):
        return
    if found.dns:
        raise TrustError(f"x509: certificate is valid for {', '.join(found.dns)}, not {host}")
    if not any(found) and covers(common, host):
        raise TrustError("x509: certificate relies on legacy Common Name field, use SANs instead")
    raise TrustError(f"x509: certificate is not valid for any names, but wanted to match {host}")


def covers(pattern: str, host: str) -> bool:
    """Say whether a DNS name, whose first label may be ``*``, is the host name."""
    wanted, given = host.rstrip(".").lower().split("."), pattern.lower().split(".")
    if len(wanted) != len(given) or not all(wanted):
        return False
    return wanted[1:] == given[1:] and (
        (given[0] == "*" and len(given) > 1) or given[0] == wanted[0]
    )
