"""A rule that has never caught anything proves nothing: each is shown a planted breach."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

PLANTED = {
    "a service imports another": (
        "services/registration/src/newel/registration/app.py",
        "import newel.issuing",
        "Members stand in layers",
    ),
    "a library imports a service": (
        "libs/runtime/src/newel/runtime/clock.py",
        "import newel.signer",
        "Members stand in layers",
    ),
    "crypto imports the runtime": (
        "libs/crypto/src/newel/crypto/der.py",
        "import newel.runtime.clock",
        "Members stand in layers",
    ),
    "the command line imports the runtime": (
        "cli/src/newel/cli/planted.py",
        "import newel.runtime.clock",
        "The command line never needs",
    ),
    "standalone reaches into a service": (
        "services/standalone/src/newel/standalone/planted.py",
        "import newel.issuing.storage",
        "A service is imported through its app",
    ),
    "issuing touches key hardware": (
        "services/issuing/src/newel/issuing/issuance.py",
        "import pkcs11",
        "Key hardware is touched",
    ),
    "the signer's policy touches a KMS": (
        "services/signer/src/newel/signer/policy.py",
        "import boto3",
        "Key hardware is touched",
    ),
    "a protocol library opens sockets": (
        "libs/acme/src/newel/acme/planted.py",
        "import socket",
        "The protocol libraries do no input",
    ),
    "a domain module knows its storage": (
        "services/issuing/src/newel/issuing/profiles.py",
        "import newel.issuing.storage",
        "Inside issuing",
    ),
    "a domain module imports the wire": (
        "services/issuing/src/newel/issuing/requests.py",
        "import newel.proto.issuing.v1.issuing_pb2",
        "Issuing's domain imports neither",
    ),
    "a domain module imports the database": (
        "services/issuing/src/newel/issuing/renewal.py",
        "import newel.runtime.database.contract",
        "Issuing's domain imports neither",
    ),
    "a responder reads the wire": (
        "services/validation/src/newel/validation/responder.py",
        "import newel.proto.events.v1.events_pb2",
        "Validation's domain imports no database",
    ),
    "a decision about an order imports the database": (
        "services/registration/src/newel/registration/acme/orders.py",
        "import newel.runtime.database.contract",
        "The domain of registration imports",
    ),
    "a decision about a token imports the wire": (
        "services/registration/src/newel/registration/step/signing.py",
        "import newel.proto.issuing.v1.issuing_pb2",
        "The domain of registration imports",
    ),
    "the step API knows ACME": (
        "services/registration/src/newel/registration/step/signing.py",
        "import newel.registration.acme.orders",
        "Inside registration",
    ),
    "the SQL of ACME knows its domain": (
        "services/registration/src/newel/registration/acme/statements.py",
        "import newel.registration.acme.orders",
        "Inside the ACME server",
    ),
    "octets know of names": (
        "libs/crypto/src/newel/crypto/der.py",
        "import newel.crypto.names",
        "Inside crypto",
    ),
    "a stray module stands in no layer": (
        "services/issuing/src/newel/issuing/stray.py",
        "",
        "Inside issuing",
    ),
}


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of every member's source, to be broken."""
    copy = tmp_path_factory.mktemp("tree")
    for source in ROOT.glob("*/src"):
        shutil.copytree(source, copy / source.relative_to(ROOT))
    for source in ROOT.glob("*/*/src"):
        shutil.copytree(source, copy / source.relative_to(ROOT))
    shutil.copy(ROOT / "pyproject.toml", copy)
    return copy


def lint(tree: Path) -> subprocess.CompletedProcess[str]:
    sources = [str(path) for pattern in ("*/src", "*/*/src") for path in tree.glob(pattern)]
    return subprocess.run(
        [
            str(Path(sys.executable).with_name("lint-imports")),
            "--no-cache",
            "--config",
            "pyproject.toml",
        ],
        cwd=tree,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sources), "COLUMNS": "300"},
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_tree_as_it_is_keeps_every_contract(tree: Path) -> None:
    outcome = lint(tree)
    assert outcome.returncode == 0, outcome.stdout


@pytest.mark.parametrize("breach", PLANTED, ids=list(PLANTED))
def test_a_planted_import_is_caught(tree: Path, breach: str) -> None:
    where, line, contract = PLANTED[breach]
    target = tree / where
    before = target.read_text() if target.exists() else None
    target.write_text((before or '"""Planted."""\n') + f"\n{line}\n")
    try:
        outcome = lint(tree)
    finally:
        if before is None:
            target.unlink()
        else:
            target.write_text(before)
    assert outcome.returncode == 1, outcome.stdout
    broken = [row for row in outcome.stdout.splitlines() if " BROKEN" in row]
    assert any(row.startswith(contract) for row in broken), outcome.stdout


def rules(root: Path) -> subprocess.CompletedProcess[str]:
    script = ROOT / "tests/architecture/code_rules.py"
    return subprocess.run(
        [sys.executable, str(script), str(root)], capture_output=True, text=True, check=False
    )


@pytest.mark.parametrize(
    ("name", "text", "says"),
    [
        ("libs/x/long.py", "x = 1\n" * 331, "331 lines"),
        ("libs/x/tests/test_long.py", "x = 1\n" * 501, "501 lines"),
        ("libs/x/function.py", "def f():\n" + "    x = 1\n" * 60, "f has 61 lines"),
        ("libs/x/utils.py", "x = 1\n", "a name that says nothing"),
        ("libs/x/__init__.py", "import os\n", "empty or a docstring"),
        ("services/x/src/__main__.py", "x = 1\n" * 31, "31 lines"),
        (
            "services/x/src/x.py",
            "from cryptography import x509\nx = x509.load_der_x509_certificate\n",
            "newel.crypto.loading",
        ),
        (
            "services/x/src/x.py",
            "from cryptography.x509 import load_pem_x509_crl\n",
            "newel.crypto.loading",
        ),
        ("libs/x/src/x.py", "x = {1}  # fmt: skip\n", "x.py:1: give a reason for this layout"),
        ("cli/src/x.py", "x = {1}  # fmt: skip - a table\n", "give a reason for this layout"),
        ("tests/test_x.py", "# fmt: off\nx = {1}\n", "give a reason for this layout"),
        ("services/x/src/x.py", "import secrets\n", "secrets; use newel.runtime.entropy"),
        ("libs/x/src/x.py", "import os\nx = os.urandom(4)\n", "urandom; use newel.runtime.entropy"),
        ("libs/x/src/x.py", "from uuid import uuid4\n", "uuid4; use newel.runtime.entropy"),
        ("services/x/src/x.py", "import subprocess\n", "subprocess; use newel.runtime.work"),
        (
            "services/x/src/x.py",
            "import asyncio\nx = asyncio.to_thread\n",
            "to_thread; use newel.runtime",
        ),
        (
            "services/x/src/x.py",
            "def f(x):\n    x.run_in_executor()\n",
            "run_in_executor; use newel",
        ),
    ],
)
def test_a_breach_of_the_code_rules_is_caught(
    tmp_path: Path, name: str, text: str, says: str
) -> None:
    subprocess.run(["git", "init", "-q", str(tmp_path)], check=True)
    sound = tmp_path / "libs/x/src/sound.py"
    sound.parent.mkdir(parents=True)
    sound.write_text('"""Sound."""\n')
    assert rules(tmp_path).returncode == 0
    planted = tmp_path / name
    planted.parent.mkdir(parents=True, exist_ok=True)
    planted.write_text(text)
    outcome = rules(tmp_path)
    assert outcome.returncode == 1
    assert says in outcome.stdout


def test_a_circle_is_caught_even_inside_a_function(tmp_path: Path) -> None:
    subprocess.run(["git", "init", "-q", str(tmp_path)], check=True)
    folder = tmp_path / "libs/x/src/newel/x"
    folder.mkdir(parents=True)
    (folder / "one.py").write_text("from newel.x.two import f\n")
    (folder / "two.py").write_text("def f():\n    from newel.x import one\n    return one\n")
    outcome = rules(tmp_path)
    assert outcome.returncode == 1
    assert "a circle of imports: newel.x." in outcome.stdout
