"""Every command block of README, docs and runbooks works as typed, or is listed here with the reason."""

import json
import shlex
import subprocess
import textwrap
import tomllib
from pathlib import Path

import pytest

from fixtures.documentation import (
    FENCE,
    REPOSITORY,
    Block,
    blocks,
    move_ports,
    pages,
    paste,
    run_block,
)
from fixtures.processes import free_block
from fixtures.running import BIN, NEWEL
from fixtures.split import PROGRAMS, SPLIT_BLOCK, split_serving, split_state

ALL = [block for page in pages() for block in blocks(page)]

SIGNED = """jq -r 'select(.event=="sign" and .outcome=="granted" and .statement=="certificate").subject'"""
SIGNED_IN_SPLIT = SIGNED + " \\\n"

NOT_RUN = {
    ("README.md", "sudo REQUESTS_CA_BUNDLE="): "needs root, port 80; test_certbot.py has both",
    ("README.md", "newel up --state $(step path)"): "test_first_authority.py does it",
    ("README.md", "make test"): "it is what runs this",
    ("docs/acme.md", "step ca certificate"): "needs names that lead here and port 80; test_acme_clients.py",
    ("docs/acme.md", "sudo "): "likewise",
    ("docs/administration.md", "step ca federation"): "needs two authorities; test_federation.py has them",
    ("docs/cli.md", "uv tool install --find-links dist newel-cli"): "see test_distribution.py",
    ("docs/cli.md", "uv tool install --find-links dist --with"): "likewise",
    ("docs/cli.md", "newel ca renew --daemon --exec"): "runs until it is stopped; test_cli_renewal.py stops it",
    ("docs/cli.md", "install -m 644 deploy/systemd"): "needs systemd; test_systemd_renewal.py judges the units",
    ("docs/cli.md", "mkdir -p $(newel path --base)/plugins"): "needs a token; test_key_services.py has one",
    ("docs/cli.md", "newel ca certificate '*.example'"): "needs a zone; test_cli_acme.py has one",
    ("docs/cli.md", "newel ssh certificate db1.example"): "needs SSH keys; test_ssh_offline.py has some",
    ("docs/cli.md", "newel login"): "needs a service; test_verbs_login.py has one",
    ("docs/cli.md", "newel request --access"): "likewise",
    ("docs/cli.md", "newel enroll factor"): "asks at a terminal, and for SSH; test_verbs_enroll.py answers",
    ("docs/alerting.md", "newel alerts acknowledge"): "no alert is there; test_cli_catalogue.py has one",
    ("docs/cli.md", "newel alerts show"): "no alert is there to be shown; test_cli_catalogue.py has one",
    ("docs/kubernetes.md", "helm upgrade"): "needs a cluster; tests/kubernetes has one",
    ("docs/deployment.md", "make dist"): "installs for all; test_distribution.py",
    ("docs/deployment.md", "sudo apt install"): "installs for all; tests/packages does it in a clean Debian",
    ("docs/provisioners.md", "step ca certificate mike"): "needs a provider; test_single_sign_on.py has one",
    ("docs/provisioners.md", "newel ca certificate web.internal"): "test_birth_certificates.py has one",
    ("docs/provisioners.md", "newel certificate create --csr agent-1"): "test_client_certificates.py does it",
    ("docs/provisioners.md", "newel ca certificate host"): "needs a Nebula network; test_cli_nebula.py",
    ("docs/provisioners.md", "newel ca provisioner add devices"): "test_ca_json_taken_over.py does it",
    ("docs/administration.md", "step ca policy"): "test_remote_management.py does it",
    ("docs/provisioners.md", "for kind in host user"): "makes keys of an authority; test_ssh_offline.py has some",
    ("docs/provisioners.md", "newel ca profile phone"): "needs a SCEP provisioner; test_scep_clients.py",
    ("docs/ssh.md", ""): "needs an authority with SSH and sshd; test_ssh_revocation.py, test_leaving.py",
    ("docs/templates.md", "python -m newel.issuing.signer_rules"): "test_split_configurations.py runs it",
    ("docs/relying-parties.md", ""): "needs four TLS libraries; validation's tests",
    ("docs/runbooks/backup-and-restore.md", "pg_dump"): "the split shape; test_split_runbooks.py restores it",
    ("docs/runbooks/backup-and-restore.md", "psql"): "likewise",
    ("docs/runbooks/backup-and-restore.md", SIGNED_IN_SPLIT): "likewise",
    ("docs/runbooks/internal-certificates.md", ""): "the split shape; test_split_runbooks.py",
    ("docs/runbooks/key-ceremony.md", ""): "needs tokens; test_split_runbooks.py has some",
    ("docs/runbooks/ocsp-responder-expiring.md", ""): "the split shape; test_split_runbooks.py",
    ("docs/runbooks/revocation-and-compromise.md", ""): "names what the reader has; test_bulk_revocation.py",
    ("docs/runbooks/ssh-keys.md", ""): "needs an authority with SSH; test_ssh_rotation.py, test_split_ssh.py",
    ("docs/runbooks/stolen-service-key.md", ""): "the split shape; test_split_walls.py",
    ("docs/runbooks/take-over-step-ca.md", ""): "needs a step-ca; test_takeover.py has one",
}  # fmt: skip # a table
"""Page and beginning of the block ("": every block of the page), and why it is not run here."""

SERVES = ("make run", ".venv/bin/newel up", "newel up --state ca")
"""Blocks that run until Ctrl-C."""


def find_excuses(block: Block) -> list[tuple[str, str]]:
    return [
        (page, start)
        for page, start in NOT_RUN
        if page == block.page and block.text.startswith(start)
    ]


def to_paste(page: str) -> list[Block]:
    return [
        block
        for block in ALL
        if block.page == page and not find_excuses(block) and not block.text.startswith(SERVES)
    ]


def find_serving_block(page: str, start: str) -> Block:
    (found,) = [block for block in ALL if block.page == page and block.text.startswith(start)]
    return found


@pytest.fixture
def ports() -> tuple[int, int]:
    first = free_block(4)
    return first + 2, first


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder that looks like a clone after `make sync`, and that only this test uses."""
    for name in ("Makefile", "requirements.lock", "deploy", "proto", "libs", "services", "cli"):
        (tmp_path / name).symlink_to(REPOSITORY / name)
    (tmp_path / ".venv").mkdir()
    (tmp_path / ".venv/bin").symlink_to(BIN)
    for stamp in (".stamp", ".stamp-tools"):
        (tmp_path / ".venv" / stamp).touch()
    (tmp_path / "report.pdf").write_bytes(b"%PDF-1.7 a report")
    return tmp_path


@pytest.fixture
def path(monkeypatch: pytest.MonkeyPatch) -> None:
    """Our command line first on PATH, as an installation has it."""
    monkeypatch.setenv("PATH", str(BIN), prepend=":")
    for name in ("STEPPATH", "STEP_CA_URL"):
        monkeypatch.delenv(name, raising=False)


def test_every_block_is_run_or_excused_and_no_excuse_is_left_over() -> None:
    assert len(ALL) > 40
    run = {"README.md", "docs/acme.md", "docs/cli.md", "docs/inventory.md", "docs/alerting.md",
           "docs/dashboard.md", "docs/templates.md", "docs/runbooks/backup-and-restore.md",
           "docs/runbooks/README.md"}  # fmt: skip # rows
    run |= {block.page for block in ALL if block.page.startswith("docs/tutorials/")}
    forgotten = [str(block) for block in ALL if block.page not in run and not find_excuses(block)]
    assert forgotten == []
    used = {excuse for block in ALL for excuse in find_excuses(block)}
    assert sorted(set(NOT_RUN) - used) == []


@pytest.mark.needs("make", "curl", "openssl")
def test_readme_works_as_typed(
    folder: Path, ports: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("STEPPATH", raising=False)
    with run_block(find_serving_block("README.md", "make run"), folder, *ports):
        paste(to_paste("README.md"), folder, *ports)
        banner = (
            (folder / "terminal.log")
            .read_text()
            .partition("another terminal:")[2]
            .partition("With")[0]
        )
        (folder / "elsewhere").mkdir()
        paste([Block("the banner of make run", 0, banner)], folder / "elsewhere", *ports)
    with run_block(find_serving_block("README.md", ".venv/bin/newel up"), folder, *ports):
        pass


@pytest.mark.needs("make", "curl", "openssl")
def test_the_tutorials_work_as_typed(
    folder: Path, ports: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("STEPPATH", raising=False)
    overview, *tasks = sorted(
        {block.page for block in ALL if block.page.startswith("docs/tutorials/")}
    )
    with run_block(find_serving_block(overview, "make run"), folder, *ports):
        for page in tasks:
            paste([*to_paste(overview), *to_paste(page)], folder, *ports)


@pytest.mark.needs(*PROGRAMS)
def test_the_banner_of_make_split_works_as_pasted(tmp_path: Path) -> None:
    first = free_block(SPLIT_BLOCK)
    with split_state() as state, split_serving(state, (first, first + 1, first + 2)) as (split, _):
        printed = (
            split.log.read_text().partition("another terminal:")[2].partition("With certbot")[0]
        )
        (taking_down,) = [line for line in printed.splitlines() if " touch " in line]
        assert "/hold/nats" in taking_down
        pasted = printed.replace(taking_down, "")
        paste([Block("the banner of make split", 0, pasted)], tmp_path, first, first + 1)


@pytest.mark.needs("jq")
def test_the_command_line_s_page_works_as_typed(
    folder: Path, ports: tuple[int, int], path: None
) -> None:
    with run_block(find_serving_block("docs/cli.md", "newel up --state ca"), folder, *ports):
        paste(to_paste("docs/cli.md"), folder, *ports)


@pytest.mark.needs("curl")
def test_the_pages_for_administrators_work_as_typed(
    folder: Path, ports: tuple[int, int], path: None
) -> None:
    with run_block(find_serving_block("docs/cli.md", "newel up --state ca"), folder, *ports):
        for page in ("docs/acme.md", "docs/inventory.md", "docs/alerting.md", "docs/dashboard.md"):
            paste(to_paste(page), folder, *ports)


def test_the_page_about_templates_works_as_typed(
    folder: Path, ports: tuple[int, int], path: None
) -> None:
    paste(to_paste("docs/templates.md"), folder, *ports)


@pytest.mark.needs("sqlite3", "jq")
def test_a_state_is_backed_up_and_restored_as_typed(
    folder: Path, ports: tuple[int, int], path: None
) -> None:
    up = find_serving_block("docs/cli.md", "newel up --state ca")
    backup, restore, compare = to_paste("docs/runbooks/backup-and-restore.md")
    issue = (
        "STEPPATH=ca newel ca certificate {0} {0}.crt {0}.key "
        "--provisioner admin --password-file ca/secrets/password\n"
    )
    renew = "STEPPATH=ca newel ca renew --force {0}.crt {0}.key\n"
    token = "STEPPATH=ca newel ca token once {0}--password-file ca/secrets/password > token\n"
    use = "STEPPATH=ca newel ca certificate once once.crt once.key --force --token $(cat token)\n"
    with run_block(up, folder, *ports):
        paste([Block("before", 0, issue.format("kept"))], folder, *ports)
        paste([backup], folder, *ports)
        paste([Block("after", 0, issue.format("lost"))], folder, *ports)
        paste([Block("used", 0, token.format("--provisioner admin ") + use)], folder, *ports)
    paste([restore, compare], folder, *ports)
    signed, known = ((folder / name).read_text().split() for name in ("signed", "known"))
    assert set(known) < set(signed)
    with run_block(up, folder, *ports):
        paste([Block("kept", 0, renew.format("kept"))], folder, *ports)
        paste([Block("lost", 0, "! " + renew.format("lost"))], folder, *ports)
        paste([Block("again", 0, "! " + use)], folder, *ports)
        paste([Block("new", 0, issue.format("new"))], folder, *ports)
    paste(to_paste("docs/runbooks/README.md"), folder, *ports)
    refused = (folder / "ca/log/audit.log").read_text()
    assert "the token was made before this authority was restored" in refused


@pytest.mark.parametrize("page", pages(), ids=lambda page: page.stem)
def test_settings_that_are_shown_are_toml_and_json(page: Path) -> None:
    for match in FENCE.finditer(page.read_text()):
        body = textwrap.dedent(match[3])
        if match[2] == "toml":
            tomllib.loads(body)
        if match[2] == "json":
            json.loads(body)


def commands(text: str) -> list[list[str]]:
    """The lines of a block that call our command line, as words; what shells make of them is left alone."""
    found: list[list[str]] = []
    for line in text.replace("\\\n", " ").splitlines():
        try:
            words = shlex.split(line, comments=True)
        except ValueError:
            continue
        while words and ("=" in words[0] or words[0] == "sudo"):
            words = words[1:]
        if words and Path(words[0]).name in {"newel", "step"}:
            found.append(words[1:])
    return found


@pytest.mark.parametrize("block", [block for block in ALL if find_excuses(block)], ids=str)
def test_what_is_not_run_is_shell_and_has_flags_that_exist(block: Block) -> None:
    text = move_ports(block.text, 1, 2)
    done = subprocess.run(["bash", "-n", "-c", text], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    for words in commands(block.text):
        flags = {
            word.partition("=")[0] for word in words if word.startswith("--") and len(word) > 2
        }
        verbs: list[str] = []
        for word in words:
            if word.startswith("-") or not word.replace("-", "").isalpha():
                break
            verbs.append(word)
        shown = ""
        while verbs and not shown:
            asked = subprocess.run(
                [NEWEL, *verbs, "--help"], capture_output=True, text=True, check=False
            )
            shown = asked.stdout if asked.returncode == 0 else ""
            verbs.pop()
        assert shown, f"{block}: no such command: {words}"
        assert [flag for flag in flags if flag not in shown] == [], f"{block}: {words}"
