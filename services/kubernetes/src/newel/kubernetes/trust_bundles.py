"""ClusterTrustBundles (certificates.k8s.io/v1) with the roots of cluster issuers.

The authority's own answer is what is published: during a rotation it shows the old root, then both, then
the new one, and so does the bundle, within one interval.
"""

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import dataclass, field

from newel.client import calls
from newel.crypto import loading, pem
from newel.kubernetes.api import KubernetesAPI, Object
from newel.kubernetes.config import Config
from newel.kubernetes.errors import APIError, ControllerError, OutageError, describe_outage
from newel.kubernetes.issuers import Issuer, IssuerKey, Issuers
from newel.kubernetes.kinds import CLUSTER_ISSUER, SIGNER, TRUST_BUNDLE
from newel.kubernetes.recorder import Recorder
from newel.runtime.audit import Audit
from newel.runtime.outages import Outage

_REPEAT = 60
"""Intervals after which a bundle is written again, in case someone else changed it."""

_log = logging.getLogger(__name__)


@dataclass(slots=True)
class TrustBundles:
    """Publishes the roots of every cluster issuer that works."""

    api: KubernetesAPI
    issuers: Issuers
    config: Config
    audit: Audit
    recorder: Recorder
    _published: dict[IssuerKey, str] = field(default_factory=dict[IssuerKey, str])
    _outages: dict[IssuerKey, Outage] = field(default_factory=dict[IssuerKey, Outage])
    _rounds: int = 0

    async def run(self) -> None:
        """Publish until cancelled."""
        while True:
            ready = self.issuers.list_ready(CLUSTER_ISSUER)
            is_repeat = self._rounds % _REPEAT == 0
            for key, issuer in ready:
                outage = self._outages.setdefault(
                    key, Outage(_log, f"publishing the roots of {key.key[1]}")
                )
                try:
                    await self._publish(key, issuer, is_repeat=is_repeat)
                except (APIError, ControllerError) as error:
                    outage.note_failure(describe_outage(error))
                else:
                    outage.note_recovery()
            self._rounds += 1
            await asyncio.sleep(self.config.trust_interval.total_seconds())

    async def _publish(self, key: IssuerKey, issuer: Issuer, *, is_repeat: bool) -> None:
        if issuer.link is None:
            return
        roots = read_roots(await issuer.link.send(calls.roots()))
        before = self._published.get(key)
        if before == roots and not is_repeat:
            return
        issuer_name = key.key[1]
        name = name_bundle(issuer_name)
        spec = {"signerName": f"{SIGNER}/{issuer_name}", "trustBundle": roots}
        body: Object = {"metadata": {"name": name}, "spec": spec}
        await self.api.apply(TRUST_BUNDLE, body)
        self._published[key] = roots
        if before != roots:
            count = roots.count("BEGIN CERTIFICATE")
            self.audit.record("kubernetes.trust-bundle", "granted", issuer=issuer_name, roots=count)
            message = f"The trust bundle {name} holds {count} root{'s' if count > 1 else ''}."
            await self.recorder.record(key.kind, issuer.found, "Normal", "Published", message)


def name_bundle(issuer: str) -> str:
    """Return the name of a cluster issuer's bundle, which has to begin with its signer."""
    return f"{SIGNER}:{issuer}:roots"


def read_roots(answered: Sequence[str]) -> str:
    """Return roots as the API takes them: PEM, each once, always in the same order.

    Raises OutageError for what is no certificate.
    """
    try:
        ders = {pem.decode(each.encode()) for each in answered}
        for each in ders:
            loading.load_certificate(each)
    except ValueError as error:
        raise OutageError(f"The authority's roots cannot be read: {error}.") from None
    return pem.encode_all(sorted(ders)).decode()
