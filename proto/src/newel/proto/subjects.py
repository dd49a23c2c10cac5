"""The subjects of the events on the bus; the messages they carry are those of ``newel.events.v1``."""

CERTIFICATE_ISSUED = "newel.certificate.issued.v1"
CERTIFICATE_RENEWED = "newel.certificate.renewed.v1"
CERTIFICATE_REVOKED = "newel.certificate.revoked.v1"
SSH_ISSUED = "newel.ssh.issued.v1"
SSH_RENEWED = "newel.ssh.renewed.v1"
SSH_REVOKED = "newel.ssh.revoked.v1"
CRL_PUBLISHED = "newel.crl.published.v1"
ENDPOINT_UNRENEWED = "newel.endpoint.unrenewed.v1"
ENDPOINT_EXPIRING = "newel.endpoint.expiring.v1"
ENDPOINT_EXPIRED = "newel.endpoint.expired.v1"
ENDPOINT_RENEWED = "newel.endpoint.renewed.v1"
ENDPOINT_COMPROMISED = "newel.endpoint.compromised.v1"
ENDPOINT_REKEYED = "newel.endpoint.rekeyed.v1"
REFUSALS_RAISED = "newel.refusals.raised.v1"
REFUSALS_CALMED = "newel.refusals.calmed.v1"

CERTIFICATES = (CERTIFICATE_ISSUED, CERTIFICATE_RENEWED, CERTIFICATE_REVOKED)
"""What the issuing authority publishes of X.509 certificates."""
SSH = (SSH_ISSUED, SSH_RENEWED, SSH_REVOKED)
"""What it publishes of SSH certificates."""
ENDPOINTS = (
    ENDPOINT_UNRENEWED,
    ENDPOINT_EXPIRING,
    ENDPOINT_EXPIRED,
    ENDPOINT_RENEWED,
    ENDPOINT_COMPROMISED,
    ENDPOINT_REKEYED,
)
"""Everything the inventory publishes."""
REFUSALS = (REFUSALS_RAISED, REFUSALS_CALMED)
"""Everything the registration authority publishes."""
