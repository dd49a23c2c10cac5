"""What plain GET requests can fetch: CRLs, issuer certificates, roots."""

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from urllib.parse import parse_qsl

from newel.crypto import certificate_files, pem
from newel.validation.crls import CRLCache
from newel.validation.documents import Document, Source, entity_tag
from newel.validation.issuers import Issuer, Issuers
from newel.validation.offline import OfflineIssuer
from newel.validation.scopes import Scope, delta_name

_DAY = b"max-age=86400, public"
_ATTACHMENT = (b"content-disposition", b'attachment; filename="crl.crl"')


def build_sources(
    issuers: Issuers,
    offline: Sequence[OfflineIssuer],
    scopes: Sequence[Scope],
    crl_cache: CRLCache,
    roots_file: Path | tuple[Path, ...] | None,
) -> dict[str, Source]:
    """Return the document of every path. Raises OSError and ValueError when roots cannot be read.

    ``/crl`` and ``/1.0/crl`` are the active issuer's CRL as step-ca serves it: DER, or with the query
    ``pem`` as text. Shards and delta CRLs have names of their own. ``/crls.pem`` has the complete CRLs of
    every issuer, for programs that read a single file.
    """
    found: dict[str, Source] = {}
    for issuer in (*issuers, *offline):
        found[f"/ca/{issuer.id}.cer"] = _static(issuer.der, b"application/pkix-cert")
    every = tuple(one.id for one in (*filter(_signs_crls, issuers), *offline))
    for name in (*(each.id for each in scopes), *(one.id for one in offline)):
        found[f"/crl/{name}.crl"] = _crl(crl_cache, name)
    for name in (delta_name(each.id) for each in scopes if each.has_deltas):
        found[f"/crl/{name}.crl"] = partial(_delta, crl_cache, name)
    if issuers.active.signs_crls:
        found["/crl"] = found["/1.0/crl"] = _crl(crl_cache, issuers.active.id)
    found["/crls.pem"] = lambda _query: crl_cache.text(every)
    if roots_file is not None:
        files = roots_file if isinstance(roots_file, tuple) else (roots_file,)
        ders = [der for file in files for der in certificate_files.read_certificates(file)]
        roots = b"".join(map(pem.encode, dict.fromkeys(ders)))
        found["/roots.pem"] = found["/1.0/roots.pem"] = _static(roots, b"application/x-pem-file")
    return found


def _signs_crls(issuer: Issuer) -> bool:
    return issuer.signs_crls


def _static(body: bytes, media_type: bytes) -> Source:
    document = Document(body, media_type, ((b"cache-control", _DAY),), etag=entity_tag(body))
    return lambda _query: document


def _delta(crl_cache: CRLCache, name: str, _query: bytes) -> Document | None:
    return crl_cache.document(name)


def _crl(crl_cache: CRLCache, issuer: str) -> Source:
    def source(query: bytes) -> Document | None:
        if query and any(name == b"pem" for name, _ in parse_qsl(query, keep_blank_values=True)):
            return crl_cache.text((issuer,), _ATTACHMENT)
        return crl_cache.document(issuer)

    return source
