"""ACME beyond the original's client: DNS records, external accounts, accounts that are kept.

Against ours and against the real step-ca, both of which ask a real name server (BIND).
"""

import json
import os
import re
import sqlite3
import stat
from collections.abc import Generator
from pathlib import Path

import pytest
from cryptography import x509

from fixtures.challenge_targets import ChallengeTargets
from fixtures.machine import BOTH, Machine, root_fingerprint
from fixtures.processes import free_port
from fixtures.running import NEWEL, Authority, configure, run, serve_newel
from fixtures.step_ca import step_ca
from fixtures.terminal import at_a_terminal
from fixtures.zones import Zone
from fixtures.zones import zone as serving_zone

pytestmark = pytest.mark.needs("named", "nsupdate")
EAB = "c2VjcmV0LXNlY3JldC1zZWNyZXQtc2VjcmV0LTMyLi4"
"""base64url of the key that ``bound`` takes under the ids key-1 to key-3."""


@pytest.fixture(scope="module")
def zone(tmp_path_factory: pytest.TempPathFactory) -> Generator[Zone]:
    with serving_zone(tmp_path_factory.mktemp("zone") / "named") as made:
        yield made


@pytest.fixture(scope="module", params=BOTH)
def authority(
    request: pytest.FixtureRequest,
    tmp_path_factory: pytest.TempPathFactory,
    zone: Zone,
    challenge_targets: ChallengeTargets,
) -> Generator[Authority]:
    """An authority that resolves names by the zone's server."""
    state = tmp_path_factory.mktemp("acme") / "state"
    if request.param == "step-ca":
        ports = {"http": challenge_targets.http01_port, "tls": challenge_targets.tls_alpn01_port}
        flags = [f"--acme-{kind}-port={port}" for kind, port in ports.items()]
        with step_ca(state, run_flags=["--resolver", zone.server, *flags, "--insecure"]) as running:
            yield running
        return
    ports = free_port(), free_port()
    with serve_newel(state, *ports):
        pass
    settings = challenge_targets.settings | {"resolvers": [zone.server]}
    configure(state, registration={"acme": settings})
    with_external_accounts(state)
    with serve_newel(state, *ports) as (running, _):
        yield running


def with_external_accounts(state: Path) -> None:
    """The provisioner ``bound``, and two keys that let accounts in."""
    file = state / "config/ca.json"
    config = json.loads(file.read_text())
    bound = {"type": "ACME", "name": "bound", "requireEAB": True}
    config["authority"]["provisioners"].append(bound)
    file.write_text(json.dumps(config))
    rows = [
        (name, "bound", name, b"secret-secret-secret-secret-32..", 1)
        for name in ("key-1", "key-2", "key-3")
    ]
    with sqlite3.connect(state / "db/registration.sqlite") as database:
        database.executemany(
            "INSERT INTO acme_external_keys (id, provisioner, reference, mac_key, created_at)"
            " VALUES (?, ?, ?, ?, ?)",
            rows,
        )
    database.close()


@pytest.fixture
def machine(authority: Authority, tmp_path: Path) -> Machine:
    """A machine that knows the authority."""
    made = Machine(authority, tmp_path)
    words = ["--ca-url", authority.url, "--fingerprint", root_fingerprint(authority)]
    made.newel("ca", "bootstrap", *words)
    return made


def words_for(machine: Machine, name: str, *flags: str) -> list[str]:
    files = ["a.crt", "a.key", "--force", "--acme", machine.authority.directory]
    return ["ca", "certificate", name, *files, *flags]


def names(certificate: x509.Certificate) -> set[str]:
    san = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    return set(san.get_values_for_type(x509.DNSName))


def account_files(machine: Machine) -> list[Path]:
    return sorted((machine.home / "step/acme").glob("*/*.key"))


def test_a_wildcard_by_a_hook(machine: Machine, zone: Zone) -> None:
    hook = zone.hook(machine.home / "hook.sh")
    flags = ["--san", "w.acme.test", "--dns-hook", str(hook), "--dns-server", zone.server]
    done = machine.newel(*words_for(machine, "*.w.acme.test", *flags))
    assert names(machine.read("a")) == {"*.w.acme.test", "w.acme.test"}
    assert "Using Hook Mode DNS challenge to validate w.acme.test .a line for people" in done.stderr
    assert done.stdout == ""
    record = "_acme-challenge.w.acme.test."
    calls = (machine.home / "hook.sh.calls").read_text().splitlines()
    assert calls == [f"present {record}", f"cleanup {record}"] * 2
    assert zone.texts(record) == []


def test_an_alias_by_signed_updates_of_the_zone(machine: Machine, zone: Zone) -> None:
    flags = ["--dns-tsig-key", str(zone.key), "--dns-server", f"localhost:{zone.port}"]
    said = machine.newel(*words_for(machine, "alias.acme.test", *flags)).stderr
    assert names(machine.read("a")) == {"alias.acme.test"}
    assert "Using Update Mode DNS challenge to validate alias.acme.test .. done!" in said
    assert zone.texts("proof.acme.test") == []


def run_lego(machine: Machine, zone: Zone, directory: str, *words: str) -> Path:
    """Run lego with signed updates (RFC 2136), as cert-manager's rfc2136 solver sends them."""
    secret = re.search(r'secret "(.+)"', zone.key.read_text())
    algorithm = re.search(r"algorithm (\S+);", zone.key.read_text())
    assert secret
    assert algorithm
    run(
        [
            "lego", "--server", directory, "--path", str(machine.home / "lego"), "--accept-tos",
            "--email", "you@example.com", "--dns", "rfc2136", "--dns.disable-cp",
            "--dns.resolvers", zone.server, "--domains", "*.lego.acme.test", *words,
        ],
        env={
            **os.environ, "LEGO_CA_CERTIFICATES": str(machine.authority.root),
            "RFC2136_NAMESERVER": zone.server, "RFC2136_TSIG_KEY": "writer.",
            "RFC2136_TSIG_SECRET": secret[1], "RFC2136_TSIG_ALGORITHM": f"{algorithm[1]}.",
            "RFC2136_SEQUENCE_INTERVAL": "1", "RFC2136_POLLING_INTERVAL": "1",
        },
    )  # fmt: skip # a command line
    return machine.home / "lego/certificates/_.lego.acme.test.crt"


@pytest.mark.needs("lego")
def test_lego_by_signed_updates_of_the_zone(machine: Machine, zone: Zone) -> None:
    issued = run_lego(machine, zone, machine.authority.directory, "run")
    certificate = x509.load_pem_x509_certificate(issued.read_bytes())
    assert names(certificate) == {"*.lego.acme.test"}
    assert zone.texts("_acme-challenge.lego.acme.test") == []


@pytest.mark.needs("lego")
@pytest.mark.parametrize("authority", ["up"], indirect=True)
def test_lego_by_an_external_account_key(machine: Machine, zone: Zone) -> None:
    directory = f"{machine.authority.url}/acme/bound/directory"
    with pytest.raises(AssertionError, match="requires External Account Binding"):
        run_lego(machine, zone, directory, "run")
    eab = ["--eab", "--kid", "key-3", "--hmac", EAB]
    issued = run_lego(machine, zone, directory, *eab, "run")
    first = x509.load_pem_x509_certificate(issued.read_bytes())
    # the account is kept, and lego wants to be told of the key all the same
    run_lego(machine, zone, directory, *eab, "renew", "--days", "90", "--no-random-sleep")
    assert x509.load_pem_x509_certificate(issued.read_bytes()).serial_number != first.serial_number


def test_a_request_from_elsewhere(machine: Machine, zone: Zone) -> None:
    words = ["certificate", "create", "--csr", "c.acme.test", "c.csr", "c.key", "--no-password"]
    machine.newel(*words, "--insecure", "--san", "*.c.acme.test", "--san", "c.acme.test")
    flags = ["--dns-tsig-key", str(zone.key), "--dns-server", zone.server, "--provisioner", "acme"]
    machine.newel("ca", "sign", "c.csr", "a.crt", *flags)
    assert names(machine.read("a")) == {"*.c.acme.test", "c.acme.test"}


def test_by_a_tls_server(machine: Machine, challenge_targets: ChallengeTargets) -> None:
    """A name and an address (RFC 8737, RFC 8738)."""
    flags = ["--san", "127.0.0.1", "--tls-listen", f"127.0.0.1:{challenge_targets.tls_alpn01_port}"]
    said = machine.newel(*words_for(machine, "t.acme.test", *flags)).stderr
    assert "Using Standalone Mode TLS challenge to validate t.acme.test .. done!" in said
    assert names(machine.read("a")) == {"t.acme.test"}
    said = machine.newel(
        *words_for(machine, "t.acme.test", "--tls-listen", ":x"), good=False
    ).stderr
    assert "error listening on :x: " in said


def test_by_hand(machine: Machine, zone: Zone) -> None:
    """A person is told the record, and says when it is there."""
    words = words_for(machine, "hand.acme.test", "--dns-manual", "--dns-server", zone.server)
    assert "error allocating terminal" in machine.fail(*words)
    environment = {**os.environ, "STEPPATH": str(machine.home / "step")}
    command = [NEWEL, *words, "--dns-wait", "1s"]
    code, shown = at_a_terminal(command, [("press Enter", "")], cwd=machine.home, env=environment)
    assert code == 1
    assert '_acme-challenge.hand.acme.test. 60 IN TXT "' in shown.split("This record can go")[1]
    assert "cannot be seen after 1 s: not all name servers have it" in shown


def test_records_that_do_not_come(machine: Machine, zone: Zone) -> None:
    """Whatever fails, nothing is written and what was put into the zone is taken away."""
    stranger = machine.home / "stranger"
    stranger.write_text(zone.key.read_text().replace("writer", "stranger"))
    server = ["--dns-server", zone.server]
    cases = [
        (["--dns-hook", "/bin/false"], "error running '/bin/false': exit status 1"),
        (["--dns-hook", "/bin/absent"], "error running '/bin/absent': no such file"),
        (["--dns-hook", "/bin/true", "--dns-wait", "1s"], "cannot be seen after 1 s: not all name"),
        (["--dns-tsig-key", str(stranger)], "error updating the zone at 127.0.0.1: "),
    ]
    for flags, expected in cases:
        said = machine.newel(*words_for(machine, "x.acme.test", *flags, *server), good=False).stderr
        assert expected in said, said
        assert "done!" not in said
    assert zone.texts("_acme-challenge.x.acme.test") == []
    assert not (machine.home / "a.crt").exists()


def test_an_account_is_kept_and_used_again(machine: Machine, http01_port: int) -> None:
    words = words_for(machine, "k.acme.test", "--http-listen", f"127.0.0.1:{http01_port}")
    machine.newel(*words, "--contact", "a@acme.test")
    (key,) = account_files(machine)
    assert key.name == "default.key"
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    before = key.read_bytes()
    machine.newel(*words, "--contact", "b@acme.test")
    machine.newel(*words, "--account", "other")
    machine.newel(*words, "--account", "none")
    assert [each.name for each in account_files(machine)] == ["default.key", "other.key"]
    assert key.read_bytes() == before
    listed = json.loads(machine.newel("ca", "acme", "account", "list", "--output", "json").stdout)
    assert [(row["name"], row["directory"]) for row in listed] == [
        ("default", machine.authority.directory),
        ("other", machine.authority.directory),
    ]
    assert "invalid value '../x' for flag '--account'" in machine.fail(*words, "--account", "../x")


def test_an_account_gets_another_key_and_is_given_up(machine: Machine, http01_port: int) -> None:
    words = words_for(machine, "k.acme.test", "--http-listen", f"127.0.0.1:{http01_port}")
    machine.newel(*words)
    (key,) = account_files(machine)
    before = key.read_bytes()
    account = ["--provisioner", "acme"]
    rekeyed = machine.newel(
        "ca", "acme", "account", "rekey", *account, good="up" in machine_kind(machine)
    )
    if machine_kind(machine) == "up":
        url = rekeyed.stderr.splitlines()[0].removeprefix("✔ Account: ")
        assert key.read_bytes() != before
        again = machine.newel("ca", "acme", "account", "rekey", *account).stderr
        assert f"✔ Account: {url}\n" in again
    else:
        # it advertises the change of keys and has none: the old key stays the account's
        assert key.read_bytes() == before
    assert not key.with_suffix(".new").exists()
    machine.newel(*words)
    assert "error allocating terminal" in machine.fail(
        "ca", "acme", "account", "deactivate", *account
    )
    gone = machine.newel("ca", "acme", "account", "deactivate", *account, "--force").stderr
    assert gone.endswith(" (deactivated)\n")
    assert account_files(machine) == []
    machine.newel(*words)


def machine_kind(machine: Machine) -> str:
    return "up" if (machine.authority.state / "db/registration.sqlite").exists() else "step-ca"


def test_a_change_of_keys_that_was_interrupted(machine: Machine, http01_port: int) -> None:
    """Whichever of the two keys the server has is found out, and stays."""
    words = words_for(machine, "k.acme.test", "--http-listen", f"127.0.0.1:{http01_port}")
    machine.newel(*words)
    machine.newel(*words, "--account", "other")
    key, other = account_files(machine)
    # as if the server had taken the other account's key: the answer that says so was lost
    other.rename(key.with_suffix(".new"))
    taken = key.with_suffix(".new").read_bytes()
    assert "was interrupted" in machine.fail(*words)
    machine.newel("ca", "acme", "account", "rekey", "--provisioner", "acme")
    assert key.read_bytes() == taken
    assert [each.name for each in account_files(machine)] == ["default.key"]
    machine.newel(*words)


@pytest.mark.parametrize("authority", ["up"], indirect=True)
def test_external_accounts(machine: Machine, http01_port: int) -> None:
    """A key lets one account in, once; the account needs it no more (RFC 8555 §7.3.4)."""
    words = words_for(machine, "e.acme.test", "--http-listen", f"127.0.0.1:{http01_port}")
    words[words.index("--acme") + 1] = f"{machine.authority.url}/acme/bound/directory"
    (machine.home / "eab").write_text(f"{EAB}\n")
    key = ["--eab-key-id", "key-1", "--eab-key-file", "eab"]
    assert "external account" in machine.newel(*words, good=False).stderr
    wrong = ["--eab-key-id", "key-1", "--eab-key", "d3Jvbmc"]
    assert "does not verify" in machine.newel(*words, *wrong, good=False).stderr
    machine.newel(*words, *key)
    machine.newel(*words)
    again = machine.newel(*words, *key, "--account", "second", good=False).stderr
    assert "has bound the account that it may" in again
    machine.newel(*words, "--eab-key-id", "key-2", "--eab-key", EAB, "--account", "second")


def test_renewal_proves_the_names_again(machine: Machine, http01_port: int) -> None:
    listen = ["--http-listen", f"127.0.0.1:{http01_port}"]
    machine.newel(*words_for(machine, "r.acme.test", "--san", "s.acme.test", *listen))
    before = machine.read("a")
    files = ["a.crt", "a.key", "--force", "--acme", machine.authority.directory]
    machine.newel("ca", "renew", *files, *listen)
    after = machine.read("a")
    assert after.serial_number != before.serial_number
    assert after.public_key() == before.public_key()
    assert names(after) == names(before) == {"r.acme.test", "s.acme.test"}
