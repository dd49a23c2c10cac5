"""The step API said word for word as the real step-ca says it: every request is put to both.

What is meant to differ is in docs/divergences.md and not asked here.
"""

import json
import re
from collections.abc import Callable, Generator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding

from fixtures.processes import free_port
from fixtures.registration import request_for
from fixtures.running import Authority, serve_newel
from fixtures.step_api import Api
from fixtures.step_ca import step_ca
from newel.crypto import keys, pem
from newel.runtime.clock import SystemClock
from newel.step import renew_token

pytestmark = pytest.mark.needs("step", "step-ca")

_TIME = re.compile(r"\d{4}-\d{2}-\d{2} \d{2}:\d{2}:\d{2} \+0000 UTC")
_CERTIFICATE = re.compile(r"-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----\n")


@dataclass(frozen=True, slots=True)
class Both:
    """The two authorities."""

    ours: Api
    theirs: Api


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> Generator[Both]:
    """Ours and the real one, side by side."""
    state = tmp_path_factory.mktemp("ours") / "state"
    with (
        serve_newel(state, free_port(), free_port()) as (authority, _),
        step_ca(tmp_path_factory.mktemp("theirs") / "state") as theirs,
    ):
        yield Both(api(authority), api(theirs))


def api(authority: Authority) -> Api:
    """The step API of a running authority."""
    password = authority.password_file.read_text().strip().encode()
    return Api.of(authority.url, authority.state, password)


def normalize(answer: httpx.Response) -> tuple[int, str, Any]:
    """Status, type and body, with what is different by nature taken out."""
    kind = answer.headers.get("content-type", "")
    text = _CERTIFICATE.sub("<certificate>", answer.text.replace("\\n", "\n"))
    if kind == "application/json":
        body = json.loads(text.replace("\n", "\\n").removesuffix("\\n"))
        return answer.status_code, kind, body
    return answer.status_code, kind, _TIME.sub("<time>", text)


def same(both: Both, ask: Callable[[Api], httpx.Response]) -> httpx.Response:
    """Puts one question to both; they must say the same. Our answer."""
    ours, theirs = ask(both.ours), ask(both.theirs)
    assert normalize(ours) == normalize(theirs)
    return ours


def sign(api: Api, token: str, csr: str | None = None, **more: Any) -> httpx.Response:
    body = {"csr": csr or request_for("foo.internal"), "ott": token, **more}
    return api.call("POST", "/sign", json=body)


@pytest.mark.parametrize(
    "path",
    [
        "/health",
        "/roots",
        "/roots.pem",
        "/federation",
        "/intermediates",
        "/intermediates.pem",
        "/root/00",
        "/provisioners?limit=x",
        "/provisioners/missing/encrypted-key",
    ],
)
@pytest.mark.parametrize("prefix", ["", "/1.0"])
def test_what_anybody_may_ask(both: Both, prefix: str, path: str) -> None:
    same(both, lambda api: api.call("GET", prefix + path))


def test_the_shape_of_provisioners(both: Both) -> None:
    def shape(api: Api) -> Any:
        body = api.call("GET", "/provisioners").json()
        return list(body), [[list(each), each["type"]] for each in body["provisioners"]]

    assert shape(both.ours) == shape(both.theirs)
    first = both.ours.call("GET", "/provisioners").json()["provisioners"][0]
    theirs = both.theirs.call("GET", "/provisioners").json()["provisioners"][0]
    assert list(first["key"]) == list(theirs["key"])


@pytest.mark.parametrize("path", ["/sign", "/1.0/sign", "/renew", "/rekey", "/revoke"])
@pytest.mark.parametrize("body", [b"{bad", b"", b"[]", b"{}", b'{"csr":"zz","ott":"x"}', b"null"])
def test_bad_bodies(both: Both, path: str, body: bytes) -> None:
    same(both, lambda api: api.call("POST", path, content=body))


@pytest.mark.parametrize("body", [{"csr": ""}, {"csr": None, "ott": "x"}, {"ott": "x"}])
def test_missing_parts(both: Both, body: Any) -> None:
    same(both, lambda api: api.call("POST", "/sign", json=body))


def test_a_certificate(both: Both) -> None:
    answer = same(both, lambda api: sign(api, api.token("foo.internal")))
    assert answer.status_code == 201


@pytest.mark.parametrize(
    "more",
    [
        {"notAfter": "10m"},
        {"notAfter": "48h"},
        {"notAfter": "1m"},
        {"notAfter": "-1m"},
        {"notAfter": "2020-01-01T00:00:00Z"},
        {"notBefore": "1h", "notAfter": "2h"},
        {"notBefore": "1h", "notAfter": "26h"},
        {"notAfter": "zz"},
        {"notAfter": "", "notBefore": "", "templateData": None},
        {"templateData": {"x": 1}, "unknown": True},
    ],
    ids=str,
)
def test_durations(both: Both, more: dict[str, Any]) -> None:
    def ask(api: Api) -> httpx.Response:
        return sign(api, api.token("foo.internal"), **more)

    ours, theirs = ask(both.ours), ask(both.theirs)
    cut = re.compile(r"\d\d:\d\d:\d\d")
    assert ours.status_code == theirs.status_code
    if ours.status_code >= 400:
        assert cut.sub("", ours.json()["message"]) == cut.sub("", theirs.json()["message"])


def break_signature(csr: str) -> str:
    """The same with another signature."""
    octets = x509.load_pem_x509_csr(csr.encode()).public_bytes(Encoding.DER)
    return pem.encode(octets[:-1] + bytes([octets[-1] ^ 1]), "CERTIFICATE REQUEST").decode()


NAMES: list[Any] = [
    (["foo.internal"], request_for("foo.internal", "bar.internal")),
    (["foo.internal", "bar.internal"], request_for("foo.internal")),
    (["foo.internal"], request_for()),
    (["foo.internal"], request_for("bar.internal", common_name="")),
    (["foo.internal"], request_for(common_name="other")),
    (["foo.internal"], request_for(general=[x509.RFC822Name("a@b.example")])),
    (["a@b.example"], request_for(general=[x509.RFC822Name("x@b.example")])),
    (["foo.internal"], request_for(general=[x509.UniformResourceIdentifier("https://x/y")])),
    (["foo.internal"], break_signature(request_for("foo.internal"))),
    (["foo.internal"], request_for(key=rsa.generate_private_key(65537, 1024))),  # noqa: S505
    ([], request_for("foo.internal")),
]


@pytest.mark.attack("T07")
@pytest.mark.parametrize(("sans", "csr"), NAMES, ids=range(len(NAMES)))
def test_names(both: Both, sans: list[str], csr: str) -> None:
    same(both, lambda api: sign(api, api.token("foo.internal", sans=sans), csr))


@pytest.mark.attack("T04")
@pytest.mark.parametrize(
    "audience", ["/1.0/revoke", "/1.0/sign/x", "", "https://other.example/1.0/sign"]
)
def test_t04_audiences(both: Both, audience: str) -> None:
    def ask(api: Api) -> httpx.Response:
        full = audience if audience.startswith("http") else f"{api.url}{audience}"
        return sign(api, api.token("foo.internal", audience=full))

    assert same(both, ask).status_code == 401


@pytest.mark.attack("T02")
def test_t02_a_token_that_names_an_acme_provisioner(both: Both) -> None:
    for audience in ("/1.0/sign#acme/acme", "/1.0/sign#acme/missing"):
        same(
            both,
            lambda api, part=audience: sign(
                api, api.token("foo.internal", audience=f"{api.url}{part}", issuer="acme")
            ),
        )


@pytest.mark.attack("T01")
def test_t01_the_second_use(both: Both) -> None:
    def ask(api: Api) -> httpx.Response:
        token = api.token("foo.internal")
        assert sign(api, token).status_code == 201
        return sign(api, token)

    assert same(both, ask).status_code == 401


def certificate(api: Api, home: Path) -> tuple[x509.Certificate, Any, tuple[str, str]]:
    """A certificate, its key, and both as files."""
    key = keys.generate()
    answer = sign(api, api.token("foo.internal"), request_for("foo.internal", key=key))
    chain, private = home / f"{api.kid}.crt", home / f"{api.kid}.key"
    chain.write_text("".join(answer.json()["certChain"]))
    private.write_bytes(keys.plain_private_key(key))
    parsed = x509.load_pem_x509_certificate(answer.json()["crt"].encode())
    return parsed, key, (str(chain), str(private))


def test_renewal_and_rekey(both: Both, tmp_path: Path) -> None:
    def over_tls(api: Api) -> httpx.Response:
        *_, files = certificate(api, tmp_path)
        return api.call("POST", "/renew", cert=files)

    def by_token(api: Api) -> httpx.Response:
        parsed, key, _ = certificate(api, tmp_path)
        chain = x509.load_pem_x509_certificates((tmp_path / f"{api.kid}.crt").read_bytes())
        ders = [each.public_bytes(Encoding.DER) for each in chain]
        assert chain[0] == parsed
        token = renew_token.make(ders, key, f"{api.url}/renew", SystemClock().now())
        headers = {"authorization": f"Bearer {token}"}
        answer = api.call("POST", "/renew", headers=headers)
        assert answer.status_code == 201
        return api.call("POST", "/renew", headers=headers)

    def rekey(api: Api) -> httpx.Response:
        *_, files = certificate(api, tmp_path)
        return api.call("POST", "/rekey", json={"csr": request_for()}, cert=files)

    assert same(both, over_tls).status_code == 201
    assert same(both, by_token).status_code == 401
    assert same(both, rekey).status_code == 201


def test_revocation(both: Both, tmp_path: Path) -> None:
    def revoke(api: Api, **more: Any) -> httpx.Response:
        return api.call("POST", "/revoke", json={"passive": True, **more})

    def mismatch(api: Api) -> httpx.Response:
        return revoke(api, serial="1", ott=api.revoke_token(2))

    def twice(api: Api) -> list[Any]:
        parsed, _, files = certificate(api, tmp_path)
        serial = parsed.serial_number
        answers = [
            revoke(api, serial=str(serial), ott=api.revoke_token(serial)),
            revoke(api, serial=str(serial), ott=api.revoke_token(serial)),
            api.call("POST", "/renew", cert=files),
        ]
        return [(each.status_code, each.text.replace(str(serial), "<serial>")) for each in answers]

    def over_tls(api: Api) -> httpx.Response:
        parsed, _, files = certificate(api, tmp_path)
        body = {"passive": True, "serial": str(parsed.serial_number)}
        return api.call("POST", "/revoke", json=body, cert=files)

    for body in (
        {"serial": ""},
        {"serial": "zz"},
        {"serial": "1", "passive": False},
        {"serial": "1"},
        {"serial": "1", "reasonCode": 11},
        {"serial": "1", "reasonCode": -1},
    ):
        same(both, lambda api, given=body: revoke(api, **given))
    same(both, mismatch)
    assert twice(both.ours) == twice(both.theirs)
    assert same(both, over_tls).status_code == 200
