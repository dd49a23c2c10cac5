"""What a certificate of ours says, octet for octet, for saying it again."""

from dataclasses import dataclass

from newel.crypto import der, extensions, names
from newel.crypto.extensions import Extension

# What the encoder makes anew; everything else is taken over as it stands.
_MADE_ANEW = frozenset(
    {
        extensions.KEY_USAGE,
        extensions.EXTENDED_KEY_USAGE,
        extensions.SUBJECT_KEY_IDENTIFIER,
        extensions.AUTHORITY_KEY_IDENTIFIER,
        extensions.AUTHORITY_INFORMATION_ACCESS,
        extensions.CRL_DISTRIBUTION_POINTS,
    }
)


@dataclass(frozen=True, slots=True)
class Parts:
    """Subject and key as DER, the names, and the extensions that are particular to it."""

    subject: bytes
    public_key: bytes
    names: tuple[names.GeneralName, ...]
    extensions: tuple[Extension, ...]


def parts_of(tbs: bytes) -> Parts:
    """The parts of a recorded TBSCertificate. Raises :class:`der.DerError` or
    :class:`newel.crypto.dns_names.InvalidNameError` for what today's rules refuse.
    """
    fields = der.Reader(tbs).sequence()
    fields.optional(0xA0)
    for tag in (der.INTEGER, der.SEQUENCE, der.SEQUENCE, der.SEQUENCE):
        fields.read(tag)
    subject, public_key = fields.read(der.SEQUENCE).raw, fields.read(der.SEQUENCE).raw
    found: list[Extension] = []
    general_names: tuple[names.GeneralName, ...] = ()
    listed = der.Reader(fields.read(0xA3).content).sequence()
    while not listed.done:
        each = listed.sequence()
        oid = each.oid()
        critical = each.peek() == der.BOOLEAN and each.boolean()
        value = each.read(der.OCTET_STRING).content
        if oid == extensions.SUBJECT_ALT_NAME:
            general_names = _names(value)
        elif oid not in _MADE_ANEW:
            found.append(Extension(oid, critical, value))
    return Parts(subject, public_key, general_names, tuple(found))


def _names(value: bytes) -> tuple[names.GeneralName, ...]:
    reader = der.Reader(value).sequence()
    found: list[names.GeneralName] = []
    while not reader.done:
        element = reader.read()
        found.append(names.from_der(element.tag, element.content))
    return tuple(found)
