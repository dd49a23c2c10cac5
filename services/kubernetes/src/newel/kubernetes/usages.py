"""Key usages by the names that cert-manager and certificates.k8s.io give them, against certificates.

A request asks for usages; the authority's template gives them. A certificate without a usage that was
asked for is not handed over. keyEncipherment is the one exception: it is asked for by default and has no
meaning for keys that encipher nothing (RFC 8446 §4.4.2.2, RFC 5480 §3).
"""

from collections.abc import Sequence

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.x509.oid import ExtensionOID

from newel.crypto.loading import find_extension, read_public_key
from newel.kubernetes.errors import InvalidRequestError, RefusalError

KEY = {
    "signing": "digital_signature",
    "digital signature": "digital_signature",
    "content commitment": "content_commitment",
    "key encipherment": "key_encipherment",
    "key agreement": "key_agreement",
    "data encipherment": "data_encipherment",
    "cert sign": "key_cert_sign",
    "crl sign": "crl_sign",
    "encipher only": "encipher_only",
    "decipher only": "decipher_only",
}
EXTENDED = {
    "any": "2.5.29.37.0",
    "server auth": "1.3.6.1.5.5.7.3.1",
    "client auth": "1.3.6.1.5.5.7.3.2",
    "code signing": "1.3.6.1.5.5.7.3.3",
    "email protection": "1.3.6.1.5.5.7.3.4",
    "s/mime": "1.3.6.1.5.5.7.3.4",
    "ipsec end system": "1.3.6.1.5.5.7.3.5",
    "ipsec tunnel": "1.3.6.1.5.5.7.3.6",
    "ipsec user": "1.3.6.1.5.5.7.3.7",
    "timestamping": "1.3.6.1.5.5.7.3.8",
    "ocsp signing": "1.3.6.1.5.5.7.3.9",
    "microsoft sgc": "1.3.6.1.4.1.311.10.3.3",
    "netscape sgc": "2.16.840.1.113730.4.1",
}
_AUTHORITY = frozenset({"cert sign", "crl sign"})


def check_asked(usages: Sequence[str], request: x509.CertificateSigningRequest) -> None:
    """Check what is asked for before anything is issued.

    Raises RefusalError for usages of an authority, InvalidRequestError for unknown ones and for a
    certification request that asks for more than its resource does.
    """
    unknown = [each for each in usages if each not in KEY and each not in EXTENDED]
    if unknown:
        raise InvalidRequestError(f"The usage {unknown[0]!r} is not known.")
    refused = sorted(_AUTHORITY.intersection(usages))
    if refused:
        raise RefusalError(f"The usage {refused[0]!r} is an authority's and is never granted.")
    if _asks_for_authority(request):
        raise RefusalError("The certification request asks for an authority's certificate.")
    asked = {EXTENDED[each] for each in usages if each in EXTENDED}
    purposes = _purposes(request)
    more = sorted(purposes - asked) if usages else []
    if more:
        raise InvalidRequestError(
            f"The certification request asks for the extended key usage {more[0]}, and spec.usages does not."
        )


def check_granted(usages: Sequence[str], leaf: x509.Certificate) -> None:
    """Check that a certificate has each usage that was asked for. Raises RefusalError naming the first."""
    granted = {each.dotted_string for each in _find_purposes(leaf)}
    bits = find_extension(leaf, ExtensionOID.KEY_USAGE)
    is_rsa = isinstance(read_public_key(leaf), RSAPublicKey)
    for usage in usages:
        if usage in EXTENDED:
            has = EXTENDED[usage] in granted
        elif KEY[usage] == "key_encipherment" and not is_rsa:
            has = True
        else:
            has = isinstance(bits, x509.KeyUsage) and bool(getattr(bits, f"_{KEY[usage]}"))
        if not has:
            raise RefusalError(
                f"The authority does not grant the usage {usage!r}: "
                "the template of its provisioner has to, or spec.usages must not ask for it."
            )


def _asks_for_authority(request: x509.CertificateSigningRequest) -> bool:
    try:
        found = request.extensions.get_extension_for_class(x509.BasicConstraints).value
    except x509.ExtensionNotFound:
        return False
    return found.ca


def _purposes(request: x509.CertificateSigningRequest) -> set[str]:
    try:
        found = request.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    except x509.ExtensionNotFound:
        return set()
    return {each.dotted_string for each in found}


def _find_purposes(leaf: x509.Certificate) -> Sequence[x509.ObjectIdentifier]:
    found = find_extension(leaf, ExtensionOID.EXTENDED_KEY_USAGE)
    return list(found) if isinstance(found, x509.ExtendedKeyUsage) else []
