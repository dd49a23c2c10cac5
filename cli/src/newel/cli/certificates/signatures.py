"""Whether a signature was made by a key; loads the library."""

from newel.crypto.reader.certificates import Certificate


def made_by(certificate: Certificate, authority: Certificate) -> bool:
    """Whether the key in ``authority`` made the signature on ``certificate``; names must match too.

    A signature of a kind that is not known, or with a digest that is broken, is not believed.
    """
    from newel.crypto import loading

    try:
        below = loading.load_certificate(certificate.der)
        return loading.is_issued_by(below, loading.load_certificate(authority.der))
    except loading.CertificateError:
        return False
