"""Whose word a name in a template's certificate is: the grant's, the operator's, or only the asker's.

A template may add names: what stands in its text, in the operator's data and in verified claims is the
operator's word. What it takes from ``.Insecure`` is nobody's, so that a name that is
there only because of it is refused.
"""

from collections.abc import Callable, Iterable
from typing import Any

from newel.crypto import distinguished_names, extensions, names
from newel.crypto.dns_names import UNDERSCORES, InvalidNameError
from newel.crypto.extensions import Extension
from newel.step.x509_templates import variables
from newel.step.x509_templates.leaves import Shape

_NAMING = frozenset({distinguished_names.COMMON_NAME, "1.2.840.113549.1.9.1"})
"""Attributes of a subject that some relying parties take for names: commonName and emailAddress."""


def names_in(shape: Shape) -> set[str]:
    """Collect the names a certificate would have, in the subject as well; canonical."""
    found = {str(name) for name in shape.names}
    for attribute in shape.subject:
        if attribute.oid in _NAMING and (name := canonical(attribute.text)):
            found.add(name)
    return found


def canonical(text: str) -> str:
    """Spell a name canonically; "" for a text that is no name at all."""
    try:
        return str(names.parse_san(text, UNDERSCORES))
    except InvalidNameError:
        return ""


def granted_request(subject: str, granted: Iterable[str], spki: bytes) -> Any:
    """Make the request as a template would see it from an asker who asks for the grant and no more."""
    try:
        common_name = [distinguished_names.common_name(subject)] if subject else []
        encoded = distinguished_names.encode(common_name)
    except InvalidNameError:  # too long for a common name
        encoded = distinguished_names.encode([])
    value = names.encode(names.parse_sans(list(granted), UNDERSCORES))
    asked = [Extension(extensions.SUBJECT_ALT_NAME, False, value)]
    return variables.request(encoded, spki, asked)


class Tape:
    """Random octets that a second rendering of the same template gets once more."""

    def __init__(self, source: Callable[[int], bytes]) -> None:
        self._source = source
        self._given: list[bytes] = []
        self._next = 0

    def __call__(self, size: int) -> bytes:
        """Give the next octets."""
        if self._next < len(self._given) and len(self._given[self._next]) == size:
            self._next += 1
            return self._given[self._next - 1]
        self._given.append(self._source(size))
        self._next = len(self._given)
        return self._given[-1]

    def rewind(self) -> None:
        """Begin again."""
        self._next = 0
