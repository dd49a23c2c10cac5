"""ssh inspect, fingerprint and needs-renewal: judged by ssh-keygen and by the original."""

import json
import os
import subprocess
from pathlib import Path

import pytest

from fixtures.offline import NEWEL, STEP

KEYS = {
    "ecdsa": ["-t", "ecdsa", "-b", "256"],
    "p521": ["-t", "ecdsa", "-b", "521"],
    "rsa": ["-t", "rsa", "-b", "2048"],
    "ed25519": ["-t", "ed25519"],
}


def run(
    program: str, *arguments: str, stdin: bytes | None = None, zone: str = "UTC"
) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        [program, "ssh", *arguments],
        capture_output=True,
        check=False,
        input=stdin or b"",
        env={**os.environ, "TZ": zone},
    )
    return subprocess.CompletedProcess(
        done.args, done.returncode, done.stdout.decode(), done.stderr.decode()
    )


def keygen(*words: str) -> str:
    return subprocess.run(["ssh-keygen", *words], check=True, capture_output=True, text=True).stdout


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Certificates of many shapes, made by ssh-keygen."""
    home = tmp_path_factory.mktemp("ssh")
    for name, kind in KEYS.items():
        keygen("-q", *kind, "-N", "", "-C", f"{name} of a person", "-f", str(home / f"ca-{name}"))
    shapes = {
        "user": ["-n", "joe,joe@work", "-V", "-1h:+1h", "-z", "7"],
        "host": ["-h", "-n", "a.example", "-V", "-1d:+30d", "-z", str(2**64 - 1)],
        "unnamed": ["-V", "-1h:+1h"],
        "forever": ["-n", "joe", "-V", "always:forever"],
        "limited": ["-n", "joe", "-O", "clear", "-O", "force-command=/bin/true -a",
                    "-O", "source-address=10.0.0.0/8", "-V", "-2h:-1h"],
        "bare": ["-h", "-O", "clear", "-V", "-1h:+5h"],
    }  # fmt: skip # a command line
    found: dict[str, Path] = {}
    kinds = list(KEYS)
    for number, (shape, flags) in enumerate(shapes.items()):
        kind, signer = kinds[number % 4], kinds[(number + 1) % 4]
        key = home / shape
        keygen("-q", *KEYS[kind], "-N", "", "-C", f"{shape} key", "-f", str(key))
        keygen(
            "-q", "-s", str(home / f"ca-{signer}"), "-I", f'id "{shape}" é', *flags, f"{key}.pub"
        )
        found[shape] = home / f"{shape}-cert.pub"
        found[f"{shape}-key"] = home / f"{shape}.pub"
    return found


def with_sorted_options(shown: str) -> list[str]:
    """The lines, options sorted: the original has them in the random order of its maps."""
    lines: list[str] = []
    block: list[str] = []
    heading = ""
    for line in (*shown.splitlines(), ""):
        below = line.startswith(" " * 16)
        if below and heading in {"Critical Options:", "Extensions:"}:
            block.append(line)
            continue
        lines += [*sorted(block), line]
        block = []
        heading = heading if below else line.strip()
    return lines[:-1]


SHAPES = ["user", "host", "unnamed", "forever", "limited", "bare"]


@pytest.mark.needs("ssh-keygen", "step")
@pytest.mark.parametrize("zone", ["UTC", "America/New_York"])
@pytest.mark.parametrize("shape", SHAPES)
def test_inspect_says_what_the_original_says(
    corpus: dict[str, Path], shape: str, zone: str
) -> None:
    name = str(corpus[shape])
    ours, theirs = (run(each, "inspect", name, zone=zone) for each in (NEWEL, STEP))
    assert with_sorted_options(ours.stdout) == ours.stdout.splitlines()
    assert ours.stdout.splitlines() == with_sorted_options(theirs.stdout)
    assert ours.returncode == theirs.returncode == 0
    flags = ["inspect", name, "--format", "json"]
    assert json.loads(run(NEWEL, *flags, zone=zone).stdout) == json.loads(
        run(STEP, *flags, zone=zone).stdout
    )


@pytest.mark.needs("ssh-keygen")
@pytest.mark.parametrize("shape", SHAPES)
def test_inspect_agrees_with_ssh_keygen(corpus: dict[str, Path], shape: str) -> None:
    """The outside judge: every line but the signature is in `ssh-keygen -L`."""
    said = [" ".join(line.split()) for line in keygen("-L", "-f", str(corpus[shape])).splitlines()]
    ours = run(NEWEL, "inspect", str(corpus[shape]), zone=os.environ.get("TZ", "")).stdout
    ours = ours.split("        Signature:")[0]
    found = [" ".join(line.split()) for line in ours.splitlines()[1:]]
    lines = iter(said)
    missing = [line for line in found if not line.startswith("Valid:") and line not in lines]
    assert missing == [], "each line, and all in the order of ssh-keygen"


@pytest.mark.needs("ssh-keygen")
def test_inspect_reads_stdin_and_bare_base64(corpus: dict[str, Path]) -> None:
    data = corpus["user"].read_bytes()
    named = run(NEWEL, "inspect", str(corpus["user"])).stdout.splitlines()[1:]
    assert run(NEWEL, "inspect", stdin=data).stdout.splitlines() == ["-:", *named]
    assert run(NEWEL, "inspect", stdin=data.split()[1]).stdout.splitlines() == ["-:", *named]


@pytest.mark.needs("ssh-keygen", "step")
@pytest.mark.parametrize(
    "flags", [[], ["--format", "hex"], ["--format", "base64-url"], ["--certificate"]]
)
@pytest.mark.parametrize("shape", SHAPES)
def test_fingerprint_says_what_the_original_says(
    corpus: dict[str, Path], shape: str, flags: list[str]
) -> None:
    for name in (str(corpus[shape]), str(corpus[f"{shape}-key"])):
        ours, theirs = (run(each, "fingerprint", name, *flags) for each in (NEWEL, STEP))
        assert (ours.stdout, ours.returncode) == (theirs.stdout, theirs.returncode)
        if not flags:
            assert ours.stdout == keygen("-l", "-f", name)


@pytest.mark.needs("ssh-keygen", "step")
@pytest.mark.parametrize(
    "flags",
    [
        [], ["-v"], ["--expires-in", "2h", "-v"], ["--expires-in", "10s"], ["--expires-in", "49%"],
        ["--expires-in", "75%"], ["--expires-in", "101%"], ["--expires-in", "x"],
    ],
)  # fmt: skip # a command line
@pytest.mark.parametrize("shape", ["user", "host", "unnamed", "limited", "bare"])
def test_needs_renewal_answers_as_the_original(
    corpus: dict[str, Path], shape: str, flags: list[str]
) -> None:
    name = str(corpus[shape])
    ours, theirs = (run(each, "needs-renewal", name, *flags) for each in (NEWEL, STEP))
    assert (ours.returncode, ours.stdout) == (theirs.returncode, theirs.stdout)
    assert ours.stderr.strip() == theirs.stderr.strip()


@pytest.mark.needs("ssh-keygen")
def test_a_certificate_without_an_end_never_needs_renewal(corpus: dict[str, Path]) -> None:
    assert run(NEWEL, "needs-renewal", str(corpus["forever"])).returncode == 1


@pytest.mark.needs("ssh-keygen")
def test_bad_input_gives_one_line_and_the_documented_code(
    corpus: dict[str, Path], tmp_path: Path
) -> None:
    broken = tmp_path / "broken"
    whole = corpus["user"].read_bytes().split()
    broken.write_bytes(whole[0] + b" " + whole[1][:80])
    for command, code in (("inspect", 1), ("fingerprint", 1), ("needs-renewal", 255)):
        for name, expected in (
            (str(broken), code),
            (str(tmp_path / "none"), 2 if command == "needs-renewal" else 1),
        ):
            done = run(NEWEL, command, name)
            assert done.returncode == expected
            assert len(done.stderr.splitlines()) == 1
            assert not done.stdout
    for command, code in (("inspect", 1), ("needs-renewal", 255)):
        assert run(NEWEL, command, str(corpus["user-key"])).returncode == code


@pytest.mark.needs("ssh-keygen")
def test_every_truncation_of_a_certificate_is_refused(corpus: dict[str, Path]) -> None:
    import base64

    from newel.crypto.ssh.certificates import parse
    from newel.crypto.ssh.wire import WireError

    wire = base64.b64decode(corpus["limited"].read_bytes().split()[1])
    assert parse(wire).critical_options["force-command"] == "/bin/true -a"
    for length in range(len(wire)):
        with pytest.raises(WireError):
            parse(wire[:length])
    with pytest.raises(WireError):
        parse(wire + b"\0")
