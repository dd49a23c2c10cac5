"""Ways to prove who asks that are measured beside the usual token: provisioners, and whose tokens they take."""

import base64
import contextlib
import json
import os
import subprocess
import sys
from collections.abc import Generator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from fakes.token_issuer import TokenIssuer
from fixtures.pki import InternalPki
from newel.crypto import keys
from newel.crypto.keys import PrivateKey
from newel.jose import jwk
from newel.jose.jwk import JWK

_CLEAR = ("--no-password", "--insecure")
_MAIL = "bench@localhost"
_TEMPLATE = """{
  "subject": {"commonName": {{ toJson .Subject.CommonName }}, "organization": "Example"},
  "sans": {{ toJson .SANs }},
{{- if typeIs "*rsa.PublicKey" .Insecure.CR.PublicKey }}
  "keyUsage": ["keyEncipherment", "digitalSignature"],
{{- else }}
  "keyUsage": ["digitalSignature"],
{{- end }}
  "extKeyUsage": ["serverAuth", "clientAuth"]
}"""

"""The usual certificate with an organization."""


class Proof(NamedTuple):
    """A provisioner, and what the load generator has to know to make its tokens."""

    operation: str
    record: dict[str, Any]
    key: Path
    """A private JWK."""
    flags: Sequence[str]


@contextlib.contextmanager
def make_proofs(folder: Path) -> Generator[list[Proof]]:
    """Make the keys, and run the provider of ID tokens; its root is one of the system's meanwhile."""
    folder.mkdir()
    pki = InternalPki(folder)
    before = os.environ.get("SSL_CERT_FILE")
    os.environ["SSL_CERT_FILE"] = str(pki.roots)
    try:
        with TokenIssuer(pki.files("localhost")) as provider:
            yield [
                _by_certificate(folder / "birth"),
                _by_template(folder),
                _by_service_account(folder),
                _by_provider(folder, provider),
            ]
    finally:
        del os.environ["SSL_CERT_FILE"]
        if before is not None:
            os.environ["SSL_CERT_FILE"] = before


def add_provisioners(config: Path, proofs: Sequence[Proof]) -> None:
    """Add the provisioners to an authority's ca.json."""
    ca = json.loads(config.read_text())
    ca["authority"]["provisioners"] += [proof.record for proof in proofs]
    config.write_text(json.dumps(ca))


def _by_certificate(folder: Path) -> Proof:
    """A birth certificate under an intermediate under a root of its own."""
    folder.mkdir()
    _create(folder, "Maker Root", "root", "--profile", "root-ca")
    below = ("--ca", "root.crt", "--ca-key", "root.key")
    _create(folder, "Maker CA", "middle", "--profile", "intermediate-ca", *below)
    below = ("--ca", "middle.crt", "--ca-key", "middle.key")
    _create(folder, "device-1", "leaf", *below)
    chain = folder / "chain.pem"
    chain.write_bytes((folder / "leaf.crt").read_bytes() + (folder / "middle.crt").read_bytes())
    key = _write(folder / "leaf.jwk", keys.load_private_key((folder / "leaf.key").read_bytes()))
    roots = base64.b64encode((folder / "root.crt").read_bytes()).decode()
    record = {"type": "X5C", "name": "births", "roots": roots}
    return Proof("x5c", record, key, ("-x5c", str(chain), "-prov", "births"))


def _by_template(folder: Path) -> Proof:
    """A JWK of its own, of whose certificates a template decides."""
    private = keys.generate()
    key = _write(folder / "template.jwk", private)
    record = {
        "type": "JWK",
        "name": "template",
        "key": msgspec.to_builtins(jwk.from_public_key(private.public_key(), use="sig")),
        "options": {"x509": {"template": _TEMPLATE}},
    }
    return Proof("template", record, key, ("-prov", "template"))


def _by_service_account(folder: Path) -> Proof:
    """A legacy token of a Kubernetes service account, which may be used again."""
    private = keys.generate()
    key = _write(folder / "cluster.jwk", private)
    public = private.public_key()
    pem = base64.b64encode(
        public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    ).decode()
    account = "kubernetes.io/serviceaccount"
    claims = {
        "iss": "kubernetes/serviceaccount",
        "sub": "system:serviceaccount:default:bench",
        f"{account}/namespace": "default",
        f"{account}/secret.name": "bench-token",
        f"{account}/service-account.name": "bench",
        f"{account}/service-account.uid": "1",
        **dict.fromkeys(("aud", "exp", "nbf", "iat", "jti", "sha", "sans")),
    }  # fmt: skip # claims
    record = {"type": "K8sSA", "name": "cluster", "publicKeys": pem}
    return Proof("k8ssa", record, key, ("-claims", json.dumps(claims)))


def _by_provider(folder: Path, provider: TokenIssuer) -> Proof:
    """An ID token of a person who may have any name."""
    key = folder / "provider.jwk"
    key.write_text(json.dumps(provider.keys[0].as_dict(private=True)))
    claims = {
        "iss": provider.url,
        "aud": "bench",
        "sub": "1",
        "email": _MAIL,
        "email_verified": True,
        **dict.fromkeys(("sha", "sans", "nbf")),
    }  # fmt: skip # claims
    record = {
        "type": "OIDC",
        "name": "people",
        "clientID": "bench",
        "clientSecret": "",
        "admins": [_MAIL],
        "configurationEndpoint": f"{provider.url}/.well-known/openid-configuration",
    }  # fmt: skip # a record
    return Proof("oidc", record, key, ("-claims", json.dumps(claims)))


def _write(path: Path, key: PrivateKey) -> Path:
    own: JWK = jwk.from_private_key(key)
    path.write_bytes(msgspec.json.encode(own))
    return path


def _create(folder: Path, subject: str, name: str, *flags: str) -> None:
    newel = str(Path(sys.executable).with_name("newel"))
    words = [newel, "certificate", "create", *_CLEAR, subject, f"{name}.crt", f"{name}.key", *flags]
    subprocess.run(words, cwd=folder, check=True, capture_output=True)
