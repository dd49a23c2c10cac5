"""SSH with separate services: CA keys in SoftHSM, certificates by the real step, revocations that sshd sees."""

import json
import os
import re
import subprocess
from collections.abc import Generator
from pathlib import Path

import pytest
from deploy.split.layout import SHARED
from deploy.split.parts import pkcs11_module

from fixtures.processes import free_block
from fixtures.running import NEWEL, run, wait_until
from fixtures.scenarios import Shell
from fixtures.split import PROGRAMS, SPLIT_BLOCK, Split, split_serving, split_state
from fixtures.ssh_programs import agent, list_host_lines, log_in, sshd
from fixtures.ssh_walks import walk_hosts_authenticate_users, walk_users_trust_hosts

pytestmark = pytest.mark.needs("step", "ssh", "sshd", "ssh-keygen", *PROGRAMS)
BY = "--provisioner admin --provisioner-password-file password.txt"
KEYS = f"{BY} --no-password --insecure --no-agent --force"
ADA = "ada@example.com"


@pytest.fixture(scope="module")
def authority() -> Generator[Split]:
    """Made without SSH, which a later start adds."""
    with split_state() as state:
        first = free_block(SPLIT_BLOCK)
        ports = first, first + 1, first + 2
        with split_serving(state, ports) as (running, _):
            done = running.step("ssh", "config", "--roots")
            assert done.returncode != 0
        with split_serving(state, ports, "--ssh"):
            pass
        with split_serving(state, ports) as (running, _):
            yield running


@pytest.fixture
def host(authority: Split, tmp_path: Path) -> Shell:
    host = Shell(tmp_path / "host", "ours", authority).bootstrap()
    host.type_line("step ssh config --roots > users.pub")
    host.type_line(f"step ssh certificate --host localhost host {KEYS}")
    host.type_line("step ssh krl --install revoked_keys")
    return host


@pytest.fixture
def user(authority: Split, tmp_path: Path) -> Shell:
    user = Shell(tmp_path / "user", "step", authority).bootstrap()
    user.type_line('echo "@cert-authority * $(step ssh config --host --roots)" > known_hosts')
    return user


def test_a_revoked_user_is_refused_by_a_list_that_softhsm_signed(
    authority: Split, host: Shell, user: Shell
) -> None:
    kept = {each["name"]: each["key"] for each in json.loads(
        (authority.state / "certs/ceremony-ssh.json").read_text())["ssh_keys"]}  # fmt: skip # a table
    assert {name: key["token"] for name, key in kept.items()} == {
        "ssh-user": "newel", "ssh-host": "newel"
    }  # fmt: skip # a table
    me = run(["id", "-un"]).stdout.strip()
    user.type_line(f"step ssh certificate {me} laptop {KEYS}")
    with sshd(host.home / "sshd_config", *list_host_lines(host.home)) as port:
        done = log_in(user, port, "laptop", me)
        assert done.stdout == "inside\n", done.stderr
        shown = user.type_line("ssh-keygen -L -f laptop-cert.pub")
        serial = re.search(r"Serial: (\d+)", shown)
        assert serial is not None
        user.type_line(f"step ssh revoke {serial[1]} {BY}")
        wait_until(lambda: "is installed" in host.type_line("step ssh krl --install revoked_keys"))
        assert "Permission denied" in log_in(user, port, "laptop", me).stderr
    # the front door serves it by HTTPS, which curl believes by the root alone
    host.type_line(f"curl -sSf --cacert {authority.root} {authority.url}/ssh/krl -o fetched")
    host.type_line("cmp fetched revoked_keys")
    query = f"ssh-keygen -Q -f revoked_keys {user.home}/laptop-cert.pub"
    assert "REVOKED" in host.type_line(query, code=1)


def test_expired_certificates_other_principals_and_strangers_are_refused(
    authority: Split, host: Shell, user: Shell, tmp_path: Path
) -> None:
    """By the key in the token, with `ssh-keygen -D`: what the authority itself would never sign."""
    me = run(["id", "-un"]).stdout.strip()
    pin = (authority.state / "secrets/signer/pin").read_text().strip()
    ask = tmp_path / "ask"
    ask.write_text(f"#!/bin/sh\necho {pin}\n")
    ask.chmod(0o700)
    env = {
        **user.env, "SSH_ASKPASS": str(ask), "SSH_ASKPASS_REQUIRE": "force", "DISPLAY": "none",
        "SOFTHSM2_CONF": str(authority.state / "config/softhsm2.conf"),
    }  # fmt: skip # a table
    run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", user.home / "other"])
    run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", user.home / "ca"])
    token = ("-D", pkcs11_module(), "-s", authority.state / "certs/ssh_user_ca_key.pub")
    cases = [
        (token, "-2h:+1h", me, True), (token, "-2h:-1h", me, False), (token, "+1h:+2h", me, False),
        (token, "-2h:+1h", "daemon", False), (("-s", user.home / "ca"), "-2h:+1h", me, False),
    ]  # fmt: skip # a table
    with sshd(host.home / "sshd_config", *list_host_lines(host.home)) as port:
        for signer, validity, principal, lets_in in cases:
            asked = ("-I", me, "-n", principal, "-z", "7", "-V", validity, user.home / "other.pub")
            run(["ssh-keygen", "-q", *signer, *asked], env=env)
            done = log_in(user, port, "other", me)
            assert (done.stdout == "inside\n") is lets_in, (validity, principal, done.stderr)
            assert lets_in or "Permission denied" in done.stderr
    assert "Certificate invalid: expired" in (host.home / "sshd_config.log").read_text()


def test_a_host_renews_by_the_real_step(authority: Split, tmp_path: Path) -> None:
    shell = Shell(tmp_path / "shell", "step", authority).bootstrap()
    shell.type_line(f"step ssh certificate weekly.example h --host {KEYS}")
    before = shell.read("h-cert.pub")
    shell.type_line("step ssh renew h-cert.pub h --force")
    assert shell.read("h-cert.pub") != before
    assert "weekly.example" in shell.type_line("step ssh hosts")


def test_who_leaves_is_out_by_their_name_and_gets_nothing_new(
    authority: Split, host: Shell, user: Shell
) -> None:
    """As docs/ssh.md says: revoked by the name for TLS and SSH, and then named in the policy."""
    me = run(["id", "-un"]).stdout.strip()
    user.type_line(f"step ssh certificate {ADA} laptop --principal {me} {KEYS}")
    user.type_line(f"step ca certificate {ADA} ada.crt ada.key {BY}")
    with sshd(host.home / "sshd_config", *list_host_lines(host.home)) as port:
        done = log_in(user, port, "laptop", me)
        assert done.stdout == "inside\n", done.stderr
        wait_until(lambda: "Selected: 2 cert" in revoke(authority, "--dry-run"))
        assert "Revoked: 2 certificates" in revoke(authority, "--yes")

        def is_out() -> bool:
            host.type_line("step ssh krl --install revoked_keys")
            return "Permission denied" in log_in(user, port, "laptop", me).stderr

        wait_until(is_out)
    assert authority.ocsp(user.home / "ada.crt") == "revoked"
    said = user.read_messages("step ca renew --force ada.crt ada.key", code=1)
    assert "lacked necessary authorization" in said
    file = authority.state / "config/registration.toml"
    before = file.read_text()
    denied = f'[policy.x509.deny]\nemail = ["{ADA}"]\n[policy.ssh.user.deny]\nemail = ["{ADA}"]\n'
    try:
        with authority.without("registration"):
            file.write_text(f"{before}\n{denied}")
        wait_until(lambda: authority.get("/health"))
        for line in (
            f"ssh certificate {ADA} tablet {KEYS}",
            f"ca certificate {ADA} a.crt a.key {BY}",
        ):
            assert "not allowed" in user.read_messages(f"step {line}", code=1)
    finally:
        with authority.without("registration"):
            file.write_text(before)
        wait_until(lambda: authority.get("/health"))


def revoke(authority: Split, how: str) -> str:
    """Revoke by the person's name as the first administrator; all that it says."""
    words = [NEWEL, "revoke", "--subject", ADA, "--reason", "left", how]
    done = subprocess.run(
        words, env={**os.environ, "STEPPATH": str(authority.state)}, capture_output=True, text=True,
        check=False, stdin=subprocess.DEVNULL, timeout=120,
    )  # fmt: skip # a command line
    return re.sub(r"\x1b\[[0-9;]*m", "", done.stdout + done.stderr)


@pytest.mark.needs("ssh-agent")
def test_hosts_authenticate_users_and_users_trust_hosts(authority: Split, tmp_path: Path) -> None:
    """The two walks, with both CAs' keys in SoftHSM."""
    server = Shell(tmp_path / "server", "step", authority).bootstrap()
    home = tmp_path / "alice"
    home.mkdir()
    with agent(home) as socket:
        alice = Shell(home, "step", authority, {"SSH_AUTH_SOCK": socket}).bootstrap()
        walk_hosts_authenticate_users(server, alice)
        alice.type_line("ssh-add -q -D")
        walk_users_trust_hosts(server, alice)


def test_both_keys_are_trusted_while_another_takes_over(tmp_path: Path) -> None:
    """As docs/runbooks/ssh-keys.md says: the next keys are known first, then they sign."""
    first = free_block(SPLIT_BLOCK)
    ports = first, first + 1, first + 2
    with split_state() as state, split_serving(state, ports, "--ssh") as (authority, _):
        host, user = (
            Shell(tmp_path / name, program, authority).bootstrap()
            for name, program in (("host", "ours"), ("user", "step"))
        )
        rotate(authority, host, user)


def rotate(authority: Split, host: Shell, user: Shell) -> None:
    """Take the steps of the runbook; after a restart a service is asked until it has found the others."""
    me = run(["id", "-un"]).stdout.strip()

    def certify(name: str) -> None:
        line = f"step ssh certificate {me} {name} {KEYS}"
        wait_until(lambda: "BEGIN" not in user.type_line(line))

    certify("former")
    config = authority.state / "config"
    env = {**os.environ, "SOFTHSM2_CONF": str(config / "softhsm2.conf")}
    run([NEWEL, "ceremony", config / "ceremony-ssh-next.toml"], env=env)
    signer, issuing = (config / f"{name}.toml" for name in ("signer", "issuing"))
    keys = (SHARED / "config/ssh/signer.toml").read_text()
    renamed = {
        "ssh-user": "ssh-user-2",
        "ssh-host": "ssh-host-2",
        '"11"': '"13"',
        '"12"': '"14"',
    }
    for former, following in renamed.items():
        keys = keys.replace(former, following)
    for place in ("softhsm/libsofthsm2.so", "secrets/signer/pin"):
        (found,) = set(re.findall(rf'"([^"]*{place})"', signer.read_text()))
        keys = re.sub(rf'"[^"]*{place}"', f'"{found}"', keys)
    following = "".join(
        f'[[ssh_issuers]]\nkey = "ssh-{kind}-2"\ntype = "{kind}"\nmax_validity = "{longest}"\nactive = false\n'
        for kind, longest in (("user", "25h"), ("host", "721h"))
    )
    with authority.without("signer", "issuing"):
        signer.write_text(f"{signer.read_text()}\n{keys}")
        issuing.write_text(f"{issuing.read_text()}\n{following}")
    wait_until(lambda: len(user.type_line("step ssh config --roots").splitlines()) == 2)
    trusted = user.type_line("step ssh config --roots | ssh-keygen -lf -")
    assert len(trusted.splitlines()) == 2
    certify("meanwhile")
    assert find_signer(user, "meanwhile") == find_signer(user, "former"), "the next one waits"
    validation = config / "validation.toml"
    with authority.without("issuing", "validation"):
        text = issuing.read_text().replace("active = false", "active = true")
        for kind in ("user", "host"):
            own = f'key = "ssh-{kind}"\n'
            assert own in text
            text = text.replace(own, f"{own}active = false\n")
        issuing.write_text(text)
        text = validation.read_text()
        validation.write_text(text.replace('krl_key = "ssh-user"', 'krl_key = "ssh-user-2"'))
    certify("next")
    assert find_signer(user, "next") != find_signer(user, "former")
    assert all(find_signer(user, each) in trusted for each in ("former", "next"))
    # the list that the next key signs takes the place of the one that the former key signed
    wait_until(lambda: "is installed" in host.type_line("step ssh krl --install revoked_keys"))


def find_signer(shell: Shell, key: str) -> str:
    """The key that signed a certificate."""
    found = re.search(r"Signing CA: \S+ (\S+)", shell.type_line(f"ssh-keygen -L -f {key}-cert.pub"))
    assert found is not None
    return found[1]
