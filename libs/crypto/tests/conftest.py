"""A small authority for every test, made with the library under test."""

from collections.abc import Callable

import pytest

from fixtures.certificates import PKI, make_pki


@pytest.fixture(scope="session")
def make_pki_of() -> Callable[[str], PKI]:
    """A PKI for a kind of key, made once."""
    made: dict[str, PKI] = {}

    def get(kind: str) -> PKI:
        if kind not in made:
            made[kind] = make_pki(kind)
        return made[kind]

    return get


@pytest.fixture
def pki(make_pki_of: Callable[[str], PKI]) -> PKI:
    """The PKI of P-256."""
    return make_pki_of("P-256")


@pytest.fixture(params=["P-256", "P-384", "RSA-2048", "Ed25519"])
def each_pki(request: pytest.FixtureRequest, make_pki_of: Callable[[str], PKI]) -> PKI:
    """A PKI of every kind of key."""
    return make_pki_of(request.param)
