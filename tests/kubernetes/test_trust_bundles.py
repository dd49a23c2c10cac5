"""ClusterTrustBundles hold the roots that the authority shows, through a rotation."""

from functools import partial
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509

from fixtures.cluster_resources import give_password, make_issuer, wait_for
from fixtures.controller import Controller, bundle
from fixtures.kubernetes import Cluster
from fixtures.pki import InternalPki
from fixtures.running import Authority, serve_newel, wait_until
from fixtures.scenarios import make_stopped_authority
from fixtures.step_ca import change

KEY = {"name": "admin", "passwordRef": {"name": "rotating", "key": "word"}}
pytestmark = [
    pytest.mark.needs("helm", "openssl"),
    pytest.mark.usefixtures("controller"),
]


def read_bundle(cluster: Cluster, name: str) -> set[bytes]:
    """Return the fingerprints in a cluster issuer's bundle."""
    found: dict[str, Any] = cluster.get(
        "ClusterTrustBundle", f"newelclusterissuers.newel.dev:{name}:roots"
    )
    assert found["spec"]["signerName"] == f"newelclusterissuers.newel.dev/{name}"
    roots = x509.load_pem_x509_certificates(found["spec"]["trustBundle"].encode())
    return {
        each.fingerprint(each.signature_hash_algorithm)
        for each in roots
        if each.signature_hash_algorithm
    }


def holds(cluster: Cluster, name: str, wanted: set[bytes]) -> bool:
    return read_bundle(cluster, name) == wanted


def fingerprint(pem: bytes) -> bytes:
    found = x509.load_pem_x509_certificate(pem)
    assert found.signature_hash_algorithm
    return found.fingerprint(found.signature_hash_algorithm)


def test_the_roots_of_a_cluster_issuer_are_published(
    cluster: Cluster, authority: Authority, controller: Controller
) -> None:
    spec = {"url": authority.url, "caBundle": bundle(authority), "auth": {"serviceAccount": {}}}
    cluster.apply(make_issuer("NewelClusterIssuer", "roots", spec))
    wait_for(cluster, "NewelClusterIssuer", "roots", "Verified")
    wanted = {fingerprint(authority.root.read_bytes())}
    wait_until(lambda: read_bundle(cluster, "roots") == wanted)
    published = [each for each in controller.audit() if each["event"] == "kubernetes.trust-bundle"]
    assert [each["roots"] for each in published if each["issuer"] == "roots"] == [1]


def test_a_bundle_follows_the_authority_through_a_rotation(
    cluster: Cluster, real: None, tmp_path: Path
) -> None:
    stopped = make_stopped_authority("newel_authority", tmp_path)
    (tmp_path / "new").mkdir()
    new = InternalPki(tmp_path / "new", "new root").roots
    old = stopped.root
    spec = {"url": stopped.url, "caBundle": bundle(stopped), "auth": {"provisioner": KEY}}
    give_password(cluster, stopped, "newel", "rotating")
    for roots in ([old], [old, new], [old]):
        listed = [str(path) for path in roots]
        change(stopped.state / "config/ca.json", lambda ca, listed=listed: ca.update(root=listed))
        with serve_newel(stopped.state, stopped.port, stopped.http_port):
            cluster.apply(make_issuer("NewelClusterIssuer", "rotating", spec))
            wanted = {fingerprint(path.read_bytes()) for path in roots}
            wait_until(partial(holds, cluster, "rotating", wanted))
