"""A small authority for every test, made with the library under test."""

from collections.abc import Callable

import pytest

from fixtures.certificates import House, make_house


@pytest.fixture(scope="session")
def houses() -> Callable[[str], House]:
    """A house for a kind of key, made once."""
    made: dict[str, House] = {}

    def get(kind: str) -> House:
        if kind not in made:
            made[kind] = make_house(kind)
        return made[kind]

    return get


@pytest.fixture
def house(houses: Callable[[str], House]) -> House:
    """The house of P-256."""
    return houses("P-256")


@pytest.fixture(params=["P-256", "P-384", "RSA-2048", "Ed25519"])
def each_house(request: pytest.FixtureRequest, houses: Callable[[str], House]) -> House:
    """A house of every kind of key."""
    return houses(request.param)
