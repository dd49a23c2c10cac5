"""The origin of the names in a template's output: the grant, the operator, or only the requester.

Names from the template's text, the operator's data and verified claims are the operator's. A name that is
there only because of ``.Insecure`` is refused, and so is data that breaks out of a string of the template.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Any, cast

import msgspec

from newel.certtemplates import variables
from newel.certtemplates.leaves import TemplateOutput
from newel.crypto import distinguished_names, extensions, names
from newel.crypto.distinguished_names import Attribute
from newel.crypto.dns_names import UNDERSCORES, InvalidNameError
from newel.crypto.extensions import Extension

_NAMING = frozenset(
    {
        distinguished_names.COMMON_NAME,
        "1.2.840.113549.1.9.1",  # emailAddress
        "0.9.2342.19200300.100.1.1",  # userID
        "0.9.2342.19200300.100.1.3",  # mail
        "1.2.840.113549.1.9.2",  # unstructuredName
        "1.2.840.113549.1.9.8",  # unstructuredAddress
    }
)
"""Subject attributes that some relying parties read as the name of a host, a person or an account."""


_NAMING_EXTENSIONS = frozenset(
    {
        "1.3.6.1.4.1.311.25.2",  # the security identifier of an account of Windows
        "2.5.29.9",  # subjectDirectoryAttributes
    }
)
"""Extensions that say who the subject is."""


def names_in(shape: TemplateOutput) -> set[str]:
    """Collect the names of a certificate, those of its subject and extensions included; canonical."""
    found = {str(name) for name in shape.names}
    found.update(
        f"{each.oid}={each.value.hex()}"
        for each in shape.extensions
        if each.oid in _NAMING_EXTENSIONS
    )
    found.update(
        canonical(each.text) for each in shape.subject if each.oid in _NAMING and each.text
    )
    return found


def canonical(text: str) -> str:
    """Spell a name canonically; any other text is returned unchanged."""
    try:
        return str(names.parse_san(text, UNDERSCORES))
    except InvalidNameError:
        return text


def granted_request(subject: str, granted: Iterable[str], spki: bytes) -> Any:
    """Build the request as a template would see it if it asked for the grant and no more."""
    try:
        common_name = [distinguished_names.common_name(subject)] if subject else []
        encoded = distinguished_names.encode(common_name)
    except InvalidNameError:  # too long for a common name
        encoded = distinguished_names.encode([])
    value = names.encode(names.parse_sans(list(granted), UNDERSCORES))
    asked = [Extension(extensions.SUBJECT_ALT_NAME, False, value)]
    return variables.request(encoded, spki, asked)


def has_quotes(user: bytes, subject: Iterable[Attribute]) -> bool:
    """Tell whether the requester's data could break out of a string of the template."""
    # in JSON every quote and backslash of a text follows a backslash
    return b"\\" in user or any(_plain(each.value) != each.value for each in subject)


def without_quotes(user: dict[str, Any]) -> bytes:
    """Encode the requester's data as JSON with apostrophes in place of quotes and backslashes."""
    return msgspec.json.encode(harmless(user))


def subject_without_quotes(subject: Iterable[Attribute]) -> bytes:
    """Encode a request's subject in the same way. Raises InvalidNameError."""
    return distinguished_names.encode(Attribute(each.oid, _plain(each.value)) for each in subject)


def outline(shape: TemplateOutput) -> object:
    """Return the parts in which renderings agree whose data differ in quotes only."""
    subject = sorted((each.oid, _plain(each.text)) for each in shape.subject)
    kinds = sorted(each.oid for each in shape.extensions)
    return subject, names_in(shape), sorted(shape.key_usages), sorted(shape.purposes), kinds


def has_quotes_within(value: Any) -> bool:
    """Tell whether any text of the data could break out of a string of the template."""
    return b"\\" in msgspec.json.encode(value)


def harmless(value: Any) -> Any:
    """Return data with apostrophes in place of the quotes and backslashes of its texts."""
    if isinstance(value, str):
        return _plain(value)
    if isinstance(value, list | tuple):
        return [harmless(each) for each in cast("Sequence[Any]", value)]
    if isinstance(value, dict):
        pairs = cast("dict[str, Any]", value).items()
        return {_plain(name): harmless(each) for name, each in pairs}
    return value


def _plain(text: str) -> str:
    return text.replace('"', "'").replace("\\", "'")


class RandomTape:
    """Random octets that a second rendering of the same template gets again."""

    def __init__(self, source: Callable[[int], bytes]) -> None:
        self._source = source
        self._recorded: list[bytes] = []
        self._next = 0

    def __call__(self, size: int) -> bytes:
        """Return the next octets."""
        if self._next < len(self._recorded) and len(self._recorded[self._next]) == size:
            self._next += 1
            return self._recorded[self._next - 1]
        self._recorded.append(self._source(size))
        self._next = len(self._recorded)
        return self._recorded[-1]

    def rewind(self) -> None:
        """Start over."""
        self._next = 0
