"""Whether a signature was made by a key; loads the library."""

from newel.cli.certificates.structure import Certificate


def made_by(certificate: Certificate, authority: Certificate) -> bool:
    """Whether the key in ``authority`` made the signature on ``certificate``; names must match too.

    A signature of a kind that is not known, or with a digest that is broken, is not believed.
    """
    from cryptography import x509
    from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm

    try:
        below = x509.load_der_x509_certificate(certificate.der)
        below.verify_directly_issued_by(x509.load_der_x509_certificate(authority.der))
    except (InvalidSignature, UnsupportedAlgorithm, x509.InvalidVersion, ValueError, TypeError):
        return False
    return True
