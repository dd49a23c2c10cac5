"""What each published CRL covers: all certificates of an issuer, or one shard of them (RFC 5280 §5.2.5)."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from newel.crypto.crl import CRLEncoder
from newel.crypto.crl_shards import ALL_BUCKETS, Shard, all_shards
from newel.validation.config import CRLConfig
from newel.validation.issuers import Issuer


@dataclass(frozen=True, slots=True, eq=False)
class Scope:
    """The scope of one CRL and of its delta CRL. ``id`` is that of the issuer, with ``/16-3`` for a shard."""

    id: str
    issuer: Issuer
    shard: Shard | None
    encoder: CRLEncoder
    has_deltas: bool

    @property
    def buckets(self) -> tuple[int, int]:
        """The first and last of the buckets that its serial numbers are in."""
        return self.shard.buckets if self.shard else ALL_BUCKETS


def delta_name(scope: str) -> str:
    """Return the name of a scope's delta CRL in URLs and among files."""
    return f"{scope}-delta"


def build_scopes(issuers: Iterable[Issuer], config: CRLConfig) -> tuple[Scope, ...]:
    """Return the scopes of the issuers that may sign CRLs: first all complete ones, then the shards."""
    signing = [issuer for issuer in issuers if issuer.signs_crls]
    complete = [_scope(issuer, None, issuer.crl_url, config) for issuer in signing]
    return (*complete, *(shard for issuer in signing for shard in _shards(issuer, config)))


def _shards(issuer: Issuer, config: CRLConfig) -> Iterator[Scope]:
    for count in config.shards:
        for shard in all_shards(count):
            yield _scope(issuer, shard, f"{config.url}/{issuer.id}/{shard.name}.crl", config)


def _scope(issuer: Issuer, shard: Shard | None, idp_url: str, config: CRLConfig) -> Scope:
    identifier = f"{issuer.id}/{shard.name}" if shard else issuer.id
    delta_url = f"{config.url}/{delta_name(identifier)}.crl" if config.deltas else ""
    encoder = CRLEncoder(issuer.certificate, idp_url, delta_url)
    return Scope(identifier, issuer, shard, encoder, config.deltas)
