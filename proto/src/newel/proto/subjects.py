"""The subjects of the events on the bus; the messages they carry are those of ``newel.events.v1``."""

CERTIFICATE_ISSUED = "newel.certificate.issued.v1"
CERTIFICATE_RENEWED = "newel.certificate.renewed.v1"
CERTIFICATE_REVOKED = "newel.certificate.revoked.v1"
CRL_PUBLISHED = "newel.crl.published.v1"
ENDPOINT_EXPIRING = "newel.endpoint.expiring.v1"
ENDPOINT_RENEWED = "newel.endpoint.renewed.v1"

CERTIFICATES = (CERTIFICATE_ISSUED, CERTIFICATE_RENEWED, CERTIFICATE_REVOKED)
"""Everything the issuing authority publishes."""
ENDPOINTS = (ENDPOINT_EXPIRING, ENDPOINT_RENEWED)
"""Everything the inventory publishes."""
