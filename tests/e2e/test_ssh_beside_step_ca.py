"""One folder of the real `step ca init --ssh`, served by step-ca and by our authority, asked by the real step.

Both have the same keys, and so every answer is the same but for serial numbers, times and new keys.
"""

import difflib
import re
import subprocess
from pathlib import Path

import pytest

from fixtures.processes import free_port
from fixtures.running import Authority, others, run, serve_newel
from fixtures.ssh_programs import agent
from fixtures.step_ca import PASSWORD, step_ca

pytestmark = pytest.mark.needs("step", "step-ca", "ssh-keygen", "ssh-agent")
STEP = others("step")
CLEAR = "--no-password --insecure --force"
OWNER = "--provisioner admin --provisioner-password-file {password}"
COMMANDS = [
    "config --roots",
    "config --host --roots",
    "config --federation",
    "config --host --federation",
    "config --dry-run",
    "config --dry-run --set User=joe",
    "config --host --dry-run",
    "config --host --dry-run --set Certificate=ssh-cert.pub --set Key=ssh",
    "config",
    "hosts",
    "check-host a.example",
    f"certificate joe joe {CLEAR} {OWNER}",
    "inspect joe-cert.pub",
    "fingerprint joe-cert.pub",
    "fingerprint joe-cert.pub --certificate",
    "needs-renewal joe-cert.pub",
    "needs-renewal joe-cert.pub --expires-in 17h",
    f"certificate joe@example.com long {CLEAR} {OWNER} --principal joe --principal root --not-after 2h --no-agent",
    "inspect long-cert.pub",
    f"certificate joe toolong {CLEAR} {OWNER} --not-after 100h --no-agent",
    f"certificate joe added {CLEAR} {OWNER} --add-user --no-agent",
    "inspect added-provisioner-cert.pub",
    f"certificate {CLEAR} {OWNER} --host --principal a.example --principal 10.0.0.1 a.example host",
    "inspect host-cert.pub",
    "hosts",
    "check-host a.example",
    "check-host b.example",
    "renew host-cert.pub host --force",
    "inspect host-cert.pub",
    "renew joe-cert.pub joe --force",
    "rekey host-cert.pub host --out next --no-password --insecure --force",
    "inspect next-cert.pub",
    f"login joe {OWNER} --force",
    "list --raw",
    "logout joe",
    f"login ann {OWNER}",
    "list",
    "revoke --sshpop-cert next-cert.pub --sshpop-key next",
    "renew next-cert.pub next --force",
    "revoke 12345 --sshpop-cert host-cert.pub --sshpop-key host",
    f"revoke 1 {OWNER} --offline",
    f"certificate joe wrong {CLEAR} --provisioner admin --provisioner-password-file /dev/null",
    "proxycommand joe b.example 1",
]
"""Typed in this order; every line and the code of the end is compared."""
VARYING = (
    (r"\x1b\[\d*m", ""),
    (r"\n +([0-9a-f]{2}:?)+(?=\n)", "\nOCTETS"),
    (r"(\nOCTETS)+", "\nOCTETS"),
    (r"AAAA[\w+/=]{40,}", "KEY"),
    (r"SHA256:[\w+/]+", "FINGERPRINT"),
    (r"Serial: \d+", "Serial: N"),
    (r"[sS]erial [nN]umber \"?\d{2,}\"?", "serial number N"),
    (r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\S*", "TIME"),
    (r"https://localhost:\d+", "CA"),
    (r"127\.0\.0\.1:\d+", "ADDRESS"),
)


def ask(authority: Authority, home: Path, password: Path) -> list[str]:
    """Type every command; return what each says, without what differs between any two certificates."""
    home.mkdir()
    found: list[str] = []
    with agent(home) as socket:
        env = {
            "PATH": "/usr/local/bin:/usr/bin:/bin",
            "HOME": str(home),
            "STEPPATH": str(home / "step"),
            "SSH_AUTH_SOCK": socket,
        }
        run(
            [STEP, "ca", "bootstrap", "--ca-url", authority.url, "--fingerprint", fingerprint(authority)],
            env=env,
        )  # fmt: skip # a command line
        for line in COMMANDS:
            words = line.format(password=password).split()
            done = subprocess.run(
                [STEP, "ssh", *words], env=env, cwd=home, capture_output=True, text=True,
                check=False, stdin=subprocess.DEVNULL, timeout=60, start_new_session=True,
            )  # fmt: skip # a command line
            text = f"$ step ssh {line}\n{done.stdout}{done.stderr}-> {done.returncode}"
            text = text.replace(str(home), "HOME").replace(str(password), "{password}")
            for pattern, word in VARYING:
                text = re.sub(pattern, word, text)
            found.append(re.sub(r"( +permit-\S+ \n)+", sort_lines, text))
    return found


def sort_lines(lines: re.Match[str]) -> str:
    """Sort what step prints in an order of its own each time."""
    return "".join(sorted(lines[0].splitlines(keepends=True)))


def fingerprint(authority: Authority) -> str:
    """The pin of the root."""
    return run([STEP, "certificate", "fingerprint", str(authority.root)]).stdout.strip()


@pytest.fixture(scope="module")
def transcripts(tmp_path_factory: pytest.TempPathFactory) -> tuple[list[str], list[str]]:
    folder = tmp_path_factory.mktemp("beside")
    state = folder / "state"
    password = folder / "pw"
    password.write_text(f"{PASSWORD}\n")
    password.chmod(0o600)
    with step_ca(state, "--ssh") as theirs:
        original = ask(theirs, folder / "theirs", password)
    before = (state / "config/ca.json").read_bytes()
    flags = ("--password-file", str(password))
    with serve_newel(state, free_port(), free_port(), *flags) as (ours, _):
        answered = ask(ours, folder / "ours", password)
    assert (state / "config/ca.json").read_bytes() == before
    return original, answered


def test_every_command_says_the_same(transcripts: tuple[list[str], list[str]]) -> None:
    theirs, ours = transcripts
    original, own = ("\n".join(each).splitlines() for each in (theirs, ours))
    changes = "\n".join(difflib.unified_diff(original, own, "step-ca", "newel", n=6))
    assert not changes, changes
