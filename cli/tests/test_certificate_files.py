"""certificate fingerprint, format, key, bundle and needs-renewal beside the original."""

import json
import os
import subprocess
from pathlib import Path

import pytest

from fixtures.offline import NEWEL, STEP

Done = subprocess.CompletedProcess[bytes]


def run(program: str, line: str, cwd: Path, data: bytes = b"") -> Done:
    environment = os.environ | {"STEPPATH": str(cwd / "steppath")}
    return subprocess.run(
        [program, "certificate", *line.split()],
        capture_output=True,
        check=False,
        cwd=cwd,
        env=environment,
        input=data,
    )


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A root, a leaf under it, both in one file, a request; in DER too."""
    cwd = tmp_path_factory.mktemp("files")
    plain = "--no-password --insecure"
    for line in (
        f"create Root root.crt root.key --profile root-ca {plain}",
        f"create leaf.example.com leaf.crt leaf.key --ca root.crt --ca-key root.key {plain}",
        f"create asker ask.csr ask.key --csr {plain}",
        "bundle leaf.crt root.crt both.crt",
        "format leaf.crt --out leaf.der",
        "format ask.csr --out ask.der",
    ):
        done = run(STEP, line, cwd)
        assert done.returncode == 0, done.stderr
    return cwd


@pytest.mark.needs("step")
@pytest.mark.parametrize(
    "line",
    [
        *(f"fingerprint {name}" for name in ("leaf.crt", "ask.csr", "leaf.der", "leaf.key", "missing")),
        *(
            f"fingerprint leaf.crt --format {form}"
            for form in ("hex", "base64", "base64-url", "base64-raw", "base64-url-raw", "emoji", "bad")
        ),
        "fingerprint both.crt --bundle", "fingerprint leaf.crt --sha1",
        "fingerprint leaf.crt --sha1 --insecure", "fingerprint a b c",
        "format leaf.crt", "format leaf.der", "format ask.csr", "format ask.der", "format leaf.key",
        "key leaf.crt", "key ask.csr", "key missing", "key both.crt",
        "bundle missing root.crt x.crt", "bundle leaf.der root.crt x.crt",
        "needs-renewal leaf.crt", "needs-renewal leaf.crt -v", "needs-renewal missing",
        "needs-renewal leaf.crt --expires-in 0% -v", "needs-renewal leaf.crt --expires-in 25h -v",
        "needs-renewal leaf.crt --expires-in 1h", "needs-renewal leaf.crt --expires-in 101%",
        "needs-renewal leaf.crt --expires-in soon", "needs-renewal leaf.key", "needs-renewal",
        "needs-renewal both.crt --bundle --expires-in 25h", "needs-renewal root.crt --expires-in 25h",
    ],
)  # fmt: skip # words in rows
def test_output_errors_and_exit_codes_equal_the_originals(home: Path, line: str) -> None:
    ours, theirs = run(NEWEL, line, home), run(STEP, line, home)
    assert (ours.returncode, ours.stdout, ours.stderr) == (
        theirs.returncode,
        theirs.stdout,
        theirs.stderr,
    )


@pytest.mark.needs("step")
def test_stdin_is_read_where_no_file_is_named(home: Path) -> None:
    data = (home / "leaf.crt").read_bytes()
    for line in ("fingerprint", "format", "inspect --short", "inspect -"):
        assert run(NEWEL, line, home, data).stdout == run(STEP, line, home, data).stdout != b""


@pytest.mark.needs("step")
def test_files_are_written_for_their_owner_only(home: Path) -> None:
    for line, name, said in (
        (
            "format leaf.crt --out new.der",
            "new.der",
            "Your certificate has been saved in new.der\n",
        ),
        ("key leaf.crt --out new.pub", "new.pub", "The public key has been saved in new.pub.\n"),
        (
            "bundle leaf.crt root.crt new.crt",
            "new.crt",
            "Your certificate has been saved in new.crt.\n",
        ),
    ):
        done = run(NEWEL, line, home)
        assert (done.returncode, done.stdout, done.stderr.decode()) == (0, b"", said)
        assert (home / name).stat().st_mode & 0o777 == 0o600
    assert (home / "new.crt").read_bytes() == (home / "both.crt").read_bytes()
    assert (home / "new.der").read_bytes() == (home / "leaf.der").read_bytes()


@pytest.mark.needs("step")
def test_of_a_private_key_only_the_public_half_is_printed(home: Path) -> None:
    assert b"BEGIN PUBLIC KEY" in run(NEWEL, "key leaf.key", home).stdout


@pytest.mark.needs("step")
def test_json_where_it_is_asked_for(home: Path) -> None:
    found = json.loads(run(NEWEL, "fingerprint leaf.crt --output json", home).stdout)
    assert found["fingerprint"] == run(STEP, "fingerprint leaf.crt", home).stdout.decode().strip()
    assert json.loads(run(NEWEL, "needs-renewal leaf.crt --output json", home).stdout) == {
        "needs_renewal": False
    }
    assert json.loads(run(NEWEL, "inspect leaf.crt --output json", home).stdout)["version"] == 3
