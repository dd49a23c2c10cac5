"""What can be wrong with a JOSE object: one tree, so that a caller can catch as much as it means.

::

    JOSEError (a ValueError)
    ├── MalformedError
    ├── InvalidKeyError
    ├── InvalidSignatureError
    │   └── AlgorithmMismatchError
    └── DecryptionError
"""


class JOSEError(ValueError):
    """The base of every error here. Texts never quote keys, passwords or plaintexts."""


class MalformedError(JOSEError):
    """The text is not the object it should be."""


class InvalidKeyError(JOSEError):
    """The JWK, or the key, is not one that can be used."""


class InvalidSignatureError(JOSEError):
    """The signature is not this key's over this input."""


class AlgorithmMismatchError(InvalidSignatureError):
    """The header names an algorithm that keys of this kind do not use."""


class DecryptionError(JOSEError):
    """The key or password does not open the JWE, or its octets were changed."""
