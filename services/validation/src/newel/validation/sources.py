"""What can be fetched by plain GET: CRLs, issuer certificates, roots."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from urllib.parse import parse_qsl

from newel.crypto import certificate_files, pem
from newel.validation.authorities import Authorities, Authority
from newel.validation.crls import CrlShelf
from newel.validation.documents import Document, Source, entity_tag
from newel.validation.offline import OfflineIssuer

_DAY = b"max-age=86400, public"
_ATTACHED = (b"content-disposition", b'attachment; filename="crl.crl"')


def sources(
    authorities: Authorities,
    offline: Sequence[OfflineIssuer],
    shelf: CrlShelf,
    roots_file: Path | tuple[Path, ...] | None,
) -> Mapping[str, Source]:
    """Every path with what is there. Raises OSError and ValueError when the roots cannot be read.

    ``/crl`` and ``/1.0/crl`` are the active issuer's CRL as step-ca serves it: DER, or with the query
    ``pem`` as text. ``/crls.pem`` has the CRLs of every issuer, as programs with one file for all want them.
    """
    found: dict[str, Source] = {}
    for issuer in (*authorities, *offline):
        found[f"/ca/{issuer.id}.cer"] = _fixed(issuer.der, b"application/pkix-cert")
    every = tuple(one.id for one in (*filter(_signs_crls, authorities), *offline))
    for issuer_id in every:
        found[f"/crl/{issuer_id}.crl"] = _crl(shelf, issuer_id)
    if authorities.active.signs_crls:
        found["/crl"] = found["/1.0/crl"] = _crl(shelf, authorities.active.id)
    found["/crls.pem"] = lambda _query: shelf.text(every)
    if roots_file is not None:
        files = roots_file if isinstance(roots_file, tuple) else (roots_file,)
        ders = [der for file in files for der in certificate_files.read_certificates(file)]
        roots = b"".join(map(pem.encode, dict.fromkeys(ders)))
        found["/roots.pem"] = found["/1.0/roots.pem"] = _fixed(roots, b"application/x-pem-file")
    return found


def _signs_crls(authority: Authority) -> bool:
    return authority.signs_crls


def _fixed(body: bytes, media_type: bytes) -> Source:
    document = Document(body, media_type, ((b"cache-control", _DAY),), etag=entity_tag(body))
    return lambda _query: document


def _crl(shelf: CrlShelf, issuer: str) -> Source:
    def source(query: bytes) -> Document | None:
        if query and any(name == b"pem" for name, _ in parse_qsl(query, keep_blank_values=True)):
            return shelf.text((issuer,), _ATTACHED)
        return shelf.document(issuer)

    return source
