"""The names of a certificate that exists, for the policies of today."""

from cryptography import x509

from newel.crypto import certificate, der, distinguished_names, names, oids
from newel.crypto.distinguished_names import Attribute
from newel.crypto.dns_names import UNDERSCORES, InvalidNameError
from newel.crypto.names import GeneralName
from newel.registration.errors import policy_error


def read_names(
    holder: x509.Certificate,
) -> tuple[tuple[GeneralName, ...], tuple[Attribute, ...]]:
    """Return the subject alternative names and the subject of a certificate.

    Raises NewelError (403) for names of kinds that no policy can look at.
    """
    extension = certificate.extensions_of(holder).get(oids.SUBJECT_ALT_NAME)
    try:
        listed = der.children(der.only(extension.value).content) if extension else ()
        general = tuple(
            names.from_certificate(each.tag, each.content, UNDERSCORES) for each in listed
        )
        subject = distinguished_names.decode(holder.subject.public_bytes(), odd_values=True)
    except (InvalidNameError, der.DERError) as error:
        raise policy_error(f"the certificate's names cannot be compared: {error}") from None
    return general, subject
