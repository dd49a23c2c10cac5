"""ca certificate --offline with a provisioner's template: what the original's offline authority makes of it."""

import json
import os
import subprocess
from pathlib import Path

import pytest
from cryptography import x509

from fixtures.running import OUR_STEP as NEWEL
from fixtures.running import others

pytestmark = pytest.mark.needs("step")

CLEAR = ("--no-password", "--insecure")
TEMPLATE = """{
  "subject": {"commonName": {{ toJson .Token.sub }}, "organization": {{ toJson .org }},
    "organizationalUnit": {{ toJson .Insecure.User.team }},
    "locality": {{ len .Insecure.CR.DNSNames | printf "%d" | toJson }}},
  "sans": {{ toJson .SANs }}, "keyUsage": ["digitalSignature"], "extKeyUsage": "clientAuth",
  "extensions": [{"id": "1.2.3", "value": {{ asn1Enc "utf8:hi" | toJson }}}], "policyIdentifiers": "1.2.3.4"
}"""


def command(home: Path, *words: str, code: int = 0) -> str:
    done = subprocess.run(
        words, cwd=home, capture_output=True, text=True, check=False, timeout=60,
        stdin=subprocess.DEVNULL, start_new_session=True,
        env={**os.environ, "HOME": str(home), "STEPPATH": str(home / "step")},
    )  # fmt: skip # a command line
    assert done.returncode == code, f"{words}: {done.stdout}{done.stderr}"
    assert "Traceback" not in done.stderr
    return done.stdout + done.stderr


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An authority that was never started."""
    home = tmp_path_factory.mktemp("offline")
    (home / "pw").write_text("secret-password\n")
    words = [
        "ca", "init", "--no-db", "--name", "Offline", "--dns", "localhost", "--address", "127.0.0.1:9",
        "--provisioner", "admin", "--deployment-type", "standalone", "--password-file", "pw",
    ]  # fmt: skip # a command line
    command(home, others("step"), *words)
    (home / "step/leaf.tpl").write_text(TEMPLATE)
    return home


def use(home: Path, **options: object) -> None:
    """Gives the provisioner a template, and the configuration the password."""
    file = home / "step/config/ca.json"
    ca = json.loads(file.read_text())
    ca["password"] = "secret-password"
    ca["authority"]["provisioners"][0]["options"] = {"x509": options}
    file.write_text(json.dumps(ca))


def certificate(home: Path, program: str, name: str, code: int = 0) -> str:
    words = (
        "--offline",
        "--password-file",
        "pw",
        "--set",
        "team=staff",
        "--san",
        "a.example",
        "--san",
        "10.0.0.1",
    )
    return command(
        home,
        program,
        "ca",
        "certificate",
        "a.example",
        f"{name}.crt",
        f"{name}.key",
        *words,
        "-f",
        code=code,
    )


def shape(home: Path, name: str) -> list[object]:
    """Everything but serial, times and key."""
    found = x509.load_pem_x509_certificate((home / f"{name}.crt").read_bytes())
    own = x509.SubjectKeyIdentifier.oid
    return [found.subject, found.issuer, [each for each in found.extensions if each.oid != own]]


@pytest.mark.parametrize("options", [{"template": TEMPLATE}, {"templateFile": "leaf.tpl"}])
def test_the_template_makes_what_the_original_s_makes(home: Path, options: dict[str, str]) -> None:
    use(home, templateData={"org": "Example"}, **options)
    certificate(home, others("step"), "theirs")
    certificate(home, NEWEL, "ours")
    assert shape(home, "ours") == shape(home, "theirs")


@pytest.mark.attack("template-authority")
@pytest.mark.parametrize(
    "text",
    [
        '{"subject": "x", "basicConstraints": {"isCA": true}}',
        '{"subject": "x", "keyUsage": "certSign"}',
        '{"subject": "x", "extKeyUsage": "ocspSigning"}',
        '{"subject": "x"{{ fail "not today" }}}',
        '{"subject": "x"{{ nofunc }}}',
    ],
)
def test_nothing_but_a_leaf_comes_of_it(home: Path, text: str) -> None:
    """The original's offline authority makes the first three."""
    use(home, template=text)
    said = certificate(home, NEWEL, "never", code=1)
    assert "error applying certificate template" in said
    assert not (home / "never.crt").exists()
