"""Words that are no command, and requests for help: answered as the original does, in the name that was typed."""

import subprocess
from pathlib import Path

import pytest

from fixtures.running import NEWEL, OUR_STEP, others

ORIGINAL = others("step")


def run(home: Path, program: str, line: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [program, *line.split()],
        env={"STEPPATH": str(home), "HOME": str(home)},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        start_new_session=True,
    )


@pytest.mark.needs("step")
@pytest.mark.parametrize(
    "line",
    [
        "ca certficate", "certificate inspct", "crypto jwk creat", "foo", "ca help nosuch", "help nosuch",
        "help ca nosuch", "ca provisioner help nosuch", "ca --nosuch", "-x",
    ],
)  # fmt: skip # a command line
def test_a_mistyped_word_is_named_as_the_original_names_it(line: str, tmp_path: Path) -> None:
    ours, theirs = (run(tmp_path, program, line) for program in (OUR_STEP, ORIGINAL))
    assert ours.returncode == theirs.returncode
    assert ours.stderr.splitlines()[0] == theirs.stderr.splitlines()[0]


@pytest.mark.needs("step")
@pytest.mark.parametrize(
    ("line", "same"),
    [
        ("ca help", "ca --help"),
        ("ca h", "ca --help"),
        ("ssh help", "ssh --help"),
        ("crypto jwk help", "crypto jwk --help"),
        ("ca help certificate", "ca certificate --help"),
        ("ca provisioner help add", "ca provisioner add --help"),
        ("ca help provisioner add", "ca provisioner add --help"),
        ("help ca", "ca --help"),
        ("ca", "ca --help"),
    ],
)
def test_help_is_a_word_in_every_group(line: str, same: str, tmp_path: Path) -> None:
    assert run(tmp_path, ORIGINAL, line).returncode == 0
    asked = run(tmp_path, NEWEL, line)
    assert (asked.returncode, asked.stderr) == (0, "")
    assert asked.stdout == run(tmp_path, NEWEL, same).stdout


@pytest.mark.parametrize(
    ("line", "meant"),
    [
        ("ca certficate", "ca certificate"),
        ("certificat", "certificate"),
        ("crypto jwk creat", "crypto jwk create"),
        ("cermony", "ceremony"),
        ("help ca certficate", "ca certificate"),
        ("ca help provisoner", "ca provisioner"),
    ],
)
@pytest.mark.parametrize(("program", "name"), [(NEWEL, "newel"), (OUR_STEP, "step")])
def test_the_nearest_command_is_suggested(
    line: str, meant: str, program: str, name: str, tmp_path: Path
) -> None:
    refused = run(tmp_path, program, line)
    assert refused.returncode == 3
    assert refused.stderr.splitlines()[1:] == [f"Did you mean '{name} {meant}'?"]


@pytest.mark.parametrize("line", ["up", "ceremony", "ceremony crl"])
@pytest.mark.parametrize("program", [NEWEL, OUR_STEP])
def test_help_knows_the_commands_of_other_packages(line: str, program: str, tmp_path: Path) -> None:
    asked = run(tmp_path, program, f"help {line}")
    assert (asked.returncode, asked.stderr) == (0, "")
    assert asked.stdout == run(tmp_path, program, f"{line} --help").stdout


def test_nothing_is_suggested_for_what_is_like_nothing(tmp_path: Path) -> None:
    assert run(tmp_path, NEWEL, "ca zzzzzz").stderr == "No help topic for 'zzzzzz'\n"


@pytest.mark.parametrize(("program", "name"), [(NEWEL, "newel"), (OUR_STEP, "step")])
@pytest.mark.parametrize(
    "line",
    [
        "ca revoke",
        "certificate inspect a b c d",
        "ca health",
        "ca token x",
        "crypto jwt inspect",
        "context select",
    ],
)
def test_errors_name_the_program_that_was_typed(
    program: str, name: str, line: str, tmp_path: Path
) -> None:
    said = run(tmp_path, program, line).stderr
    other = {"newel": "'step ", "step": "'newel "}[name]
    assert f"'{name} " in said
    assert other not in said


@pytest.mark.parametrize(
    "line", ["ca health", "ca roots", "ca certificate a a.crt a.key", "ca token a"]
)
def test_without_bootstrap_it_is_what_is_advised(line: str, tmp_path: Path) -> None:
    for more in ("", " --ca-url https://ca.example"):
        refused = run(tmp_path, NEWEL, line + more)
        assert refused.returncode == 1
        assert "'newel ca bootstrap --ca-url URL --fingerprint SHA256'" in refused.stderr


@pytest.mark.parametrize("fingerprint", ["00ff", "x" * 64, "", "0" * 63, "0" * 40])
@pytest.mark.parametrize("verb", ["bootstrap", "root"])
def test_what_is_no_fingerprint_is_refused_before_anybody_is_asked(
    fingerprint: str, verb: str, tmp_path: Path
) -> None:
    refused = run(
        tmp_path, NEWEL, f"ca {verb} --ca-url https://localhost:1 --fingerprint={fingerprint}"
    )
    assert refused.returncode == 1
    expected = "is no SHA-256 fingerprint" if fingerprint else "requires the '--fingerprint' flag"
    assert expected in refused.stderr
    assert "localhost" not in refused.stderr


QUESTIONS = [
    (
        "crypto keypair a.pub a.key",
        "Please enter the password to encrypt the private key", "--password-file FILE",
    ),
    (
        "crypto keypair there there.key --no-password --insecure",
        "Would you like to overwrite there [y/n]", "--force",
    ),
    (
        "crypto key inspect sealed.key",
        "Please enter the password to decrypt sealed.key", "--password-file FILE",
    ),
    (
        "crypto change-pass sealed.key --password-file password --out new.key",
        "Please enter the password to encrypt new.key", "--new-password-file FILE",
    ),
    (
        "ca init --name X --dns ca.example --address :9000 --provisioner me --deployment-type standalone",
        "Choose a password for your CA keys and first provisioner.", "--password-file FILE",
    ),
    (
        "ca init --name X --address :9000 --provisioner me --deployment-type standalone --password-file password",
        "What DNS names or IP addresses will clients use to reach your CA?", "--dns NAME",
    ),
    (
        "ca init --name X --dns ca.example --password-file password",
        "What deployment type would you like to configure?", "--deployment-type TYPE",
    ),
    ("crypto kdf hash", "Please enter the password to hash", "the argument, with --insecure"),
]  # fmt: skip # a command line


@pytest.mark.parametrize(("line", "question", "answer"), QUESTIONS)
def test_a_question_that_nobody_can_answer_is_named_with_what_answers_it(
    line: str, question: str, answer: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "password").write_text("secret")
    (tmp_path / "there").write_text("old")
    made = run(tmp_path, NEWEL, "crypto keypair sealed.pub sealed.key --password-file password")
    assert made.returncode == 0, made.stderr
    refused = run(tmp_path, NEWEL, line)
    assert refused.returncode == 1
    first, hint = refused.stderr.splitlines()
    assert first.startswith("error allocating terminal: open /dev/tty: ")
    assert hint.startswith(f'The question is "{question}')
    assert hint.endswith(f"Without a terminal it is answered by {answer}.")
    assert (tmp_path / "there").read_text() == "old"


def test_more_info_is_there_when_it_is_asked_for(tmp_path: Path) -> None:
    line = ["ca", "health", "--ca-url", "https://localhost:1"]
    done = subprocess.run(
        [NEWEL, *line], env={"STEPPATH": str(tmp_path), "STEPDEBUG": "1"}, capture_output=True, text=True,
        check=False,
    )  # fmt: skip # a command line
    assert "Traceback" in done.stderr
    assert "Traceback" not in run(tmp_path, NEWEL, " ".join(line)).stderr
