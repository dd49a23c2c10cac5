"""The refusal of an attestation."""


class AttestationError(ValueError):
    """An attestation proves nothing; the text says why, and may be shown."""
