"""The scenarios run against one authority of each shape; see fixtures.shapes."""

import pytest

from fixtures import challenge_targets as challenges
from fixtures import exporter as exporters
from fixtures import scenarios, shapes
from fixtures.pki import InternalPki

challenge_targets = challenges.challenge_targets
http01_port = shapes.http01_port
split = shapes.split
up = shapes.up
authority = shapes.authority
step_ca_authority = scenarios.step_ca_authority
newel_authority = scenarios.newel_authority
stopped_authorities = scenarios.stopped_authorities
exporter = exporters.exporter


@pytest.fixture(scope="session")
def pki(tmp_path_factory: pytest.TempPathFactory) -> InternalPki:
    """An authority for the servers of this machine."""
    return InternalPki(tmp_path_factory.mktemp("web"))
