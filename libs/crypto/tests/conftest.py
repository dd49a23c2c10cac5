"""A small authority for every test, made with the library under test."""

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass

import pytest
from cryptography import x509

from newel.crypto import ca, certificate, distinguished_names, keys, serials

NOW = dt.datetime(2026, 11, 21, 12, 0, 0, tzinfo=dt.UTC)
START = dt.datetime(2024, 1, 1, tzinfo=dt.UTC)
END = dt.datetime(2049, 12, 31, 23, 59, 59, tzinfo=dt.UTC)


@dataclass(frozen=True)
class Holder:
    """A certificate and its key."""

    key: keys.PrivateKey
    certificate: x509.Certificate
    der: bytes

    @property
    def spki(self) -> bytes:
        return keys.spki(self.key.public_key())


@dataclass(frozen=True)
class House:
    """A root, an intermediate under it, and a delegated responder of the intermediate."""

    root: Holder
    issuer: Holder
    responder: Holder


def body(name: str, key: keys.PrivateKey, seed: int) -> ca.Body:
    subject = distinguished_names.encode([distinguished_names.common_name(name)])
    serial = serials.new_serial(START.timestamp(), seed.to_bytes(12, "big"))
    return ca.Body(serial, subject, keys.spki(key.public_key()), START, END)


def hold(key: keys.PrivateKey, tbs: bytes, signer: keys.PrivateKey) -> Holder:
    algorithm = keys.signature_algorithm(signer.public_key())
    der = certificate.assemble(tbs, algorithm, keys.sign(signer, tbs))
    return Holder(key, x509.load_der_x509_certificate(der), der)


def make_house(kind: str) -> House:
    root_key, issuer_key, responder_key = (keys.generate(kind) for _ in range(3))
    root = hold(root_key, ca.root_tbs(body("Root", root_key, 1)), root_key)
    tbs = ca.intermediate_tbs(body("Issuer", issuer_key, 2), root.certificate)
    issuer = hold(issuer_key, tbs, root_key)
    tbs = ca.ocsp_responder_tbs(body("Responder", responder_key, 3), issuer.certificate)
    return House(root, issuer, hold(responder_key, tbs, issuer_key))


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
