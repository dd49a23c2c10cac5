"""An API server of the tests' own, and the controller's way to it."""

from collections.abc import AsyncGenerator, Generator

import pytest

from fakes.api_server import APIServer
from fixtures.kubernetes import Cluster
from fixtures.pki import InternalPki
from newel.kubernetes.api import KubernetesAPI, connect


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Generator[Cluster]:
    """The stand-in, which can be told to change what is there under the controller's hands."""
    folder = tmp_path_factory.mktemp("cluster")
    pki = InternalPki(folder)
    with APIServer(pki.files("localhost")) as server:
        yield Cluster(folder, server.url, pki.roots, "any", server)


@pytest.fixture
async def api(cluster: Cluster) -> AsyncGenerator[KubernetesAPI]:
    """The API as the controller calls it."""
    connected = connect(cluster.write_kubeconfig("controller", "any"))
    yield connected
    await connected.close()
