"""What can be fetched by plain GET: CRLs, issuer certificates, roots."""

from collections.abc import Mapping
from pathlib import Path
from urllib.parse import parse_qsl

from newel.crypto import pem
from newel.validation.authorities import Authorities
from newel.validation.crls import CrlShelf
from newel.validation.documents import Document, Source, entity_tag

_DAY = b"max-age=86400, public"
_ATTACHED = (b"content-disposition", b'attachment; filename="crl.crl"')


def sources(
    authorities: Authorities, shelf: CrlShelf, roots_file: Path | None
) -> Mapping[str, Source]:
    """Every path with what is there. Raises OSError when the roots cannot be read.

    ``/crl`` and ``/1.0/crl`` are the active issuer's CRL as step-ca serves it: DER, or with the query
    ``pem`` as text.
    """
    found: dict[str, Source] = {}
    for authority in authorities:
        found[f"/crl/{authority.id}.crl"] = _crl(shelf, authority.id)
        found[f"/ca/{authority.id}.cer"] = _fixed(authority.der, b"application/pkix-cert")
    active = authorities.active.id
    found["/crl"] = found["/1.0/crl"] = _crl_or_pem(shelf, active)
    if roots_file is not None:
        roots = roots_file.read_bytes()
        found["/roots.pem"] = found["/1.0/roots.pem"] = _fixed(roots, b"application/x-pem-file")
    return found


def _fixed(body: bytes, media_type: bytes) -> Source:
    document = Document(body, media_type, ((b"cache-control", _DAY),), etag=entity_tag(body))
    return lambda _query: document


def _crl(shelf: CrlShelf, issuer: str) -> Source:
    return lambda _query: shelf.document(issuer)


def _crl_or_pem(shelf: CrlShelf, issuer: str) -> Source:
    def source(query: bytes) -> Document | None:
        crl = shelf.crl(issuer)
        if crl is None or not any(
            name == b"pem" for name, _ in parse_qsl(query, keep_blank_values=True)
        ):
            return shelf.document(issuer)
        body = pem.encode(crl.der, "X509 CRL")
        return shelf.spelled(crl, body, b"application/x-pem-file", _ATTACHED)

    return source
