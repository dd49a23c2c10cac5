"""A fleet of a real step-ca under its successor: all it issued renews, has a status, and is listed."""

import asyncio
import getpass
import json
import os
import subprocess
from collections.abc import Generator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from cryptography import x509

from fixtures.documentation import REPOSITORY, blocks
from fixtures.processes import free_port
from fixtures.running import BIN, NEWEL, Authority, others, run, wait_until
from fixtures.step_ca_command import Installation, init, serve
from newel.crypto.ssh import certificates
from newel.crypto.ssh.public_keys import read_line
from newel.runtime.database.connect import open_database
from newel.runtime.database.contract import Row, Statement
from newel.standalone.layout import Layout
from newel.standalone.settings import read_settings

pytestmark = pytest.mark.needs("step", "step-ca", "certbot", "openssl")

HOSTS = [f"h{number}.test" for number in range(6)]
REVOKED, SUPERSEDED = HOSTS[0], HOSTS[1]
SSH_HOSTS = ["s0.test", "s1.test"]
SSH_REVOKED = SSH_HOSTS[0]
MARIADB = ("mariadbd", "mariadb-install-db", "mariadb")
STORES = [
    "badgerv2",
    "bbolt",
    "postgresql",
    pytest.param("mysql", marks=pytest.mark.needs(*MARIADB)),
]


@dataclass(frozen=True)
class Fleet:
    """A step-ca that has been stopped, and the files of its clients."""

    made: Installation
    folder: Path
    source: list[str]
    challenge_port: int

    def certbot(self, *words: str) -> str:
        """Runs certbot with the account that the original made."""
        home = self.folder / "certbot"
        folders = [
            word
            for name in ("config", "work", "logs")
            for word in (f"--{name}-dir", f"{home / name}")
        ]
        server = f"https://localhost:{self.made.port}/acme/acme/directory"
        return run(
            ["certbot", *words, "-n", "--server", server, *folders],
            env={**os.environ, "REQUESTS_CA_BUNDLE": str(self.made.state / "certs/root_ca.crt")},
        ).stdout

    @property
    def flags(self) -> list[str | Path]:
        """How step-ca is started, the original and ours."""
        return [
            "--password-file", self.made.password, "--insecure", "--acme-http-port", str(self.challenge_port),
        ]  # fmt: skip # a command line

    def file(self, host: str) -> Path:
        return self.folder / f"{host}.crt"

    def take_over(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Runs the import."""
        return run([NEWEL, "import", *self.source, "--state", self.made.state, *words])


def choose_store(kind: str, folder: Path, request: pytest.FixtureRequest) -> dict[str, str]:
    """The member ``db`` of ca.json."""
    if kind == "postgresql":
        url: str = request.getfixturevalue("postgres_url")
        return {"type": kind, "dataSource": url, "database": f"step_{os.getpid()}"}
    if kind == "mysql":
        source: str = request.getfixturevalue("mariadb")
        return {"type": kind, "dataSource": source, "database": "step_ca"}
    path = folder / ("store" if kind == "badgerv2" else "store.db")
    return {"type": kind, "dataSource": str(path)}


@pytest.fixture(scope="session")
def mariadb(tmp_path_factory: pytest.TempPathFactory) -> Generator[str]:
    """A throw-away MariaDB; the connection string of step-ca's driver."""
    folder, port = tmp_path_factory.mktemp("mariadb"), free_port()
    files = ("--no-defaults", f"--user={getpass.getuser()}", f"--datadir={folder}/data")
    run(["mariadb-install-db", *files, "--auth-root-authentication-method=normal"])
    sock = f"--socket={folder}/s"
    server = ["mariadbd", *files, sock, f"--port={port}", "--bind-address=127.0.0.1"]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(server, stdout=log, stderr=log)
    ask = ["mariadb", "--no-defaults", sock, "-u", "root", "-e"]
    grant = "CREATE USER x@'127.0.0.1' IDENTIFIED BY 'p@ss'; GRANT ALL ON *.* TO x@'127.0.0.1'"
    try:
        wait_until(
            lambda: (
                subprocess.run([*ask, "SELECT 1"], capture_output=True, check=False).returncode == 0
            )
        )
        run([*ask, grant])
        yield f"x:p@ss@tcp(127.0.0.1:{port})/"
    finally:
        process.terminate()
        process.wait(30)


@pytest.fixture(scope="module", params=STORES)
def fleet(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, exporter: Path
) -> Fleet:
    """Certificates by tokens and by ACME, one of them revoked and one replaced."""
    kind: str = request.param
    folder = tmp_path_factory.mktemp(kind)
    made = init(folder, "--acme", "--ssh")
    store = choose_store(kind, folder, request)
    made.edit(db=store)
    fleet = Fleet(made, folder, [], free_port())
    with serve(made, *fleet.flags, program=others("step-ca")) as (authority, _):
        for host in HOSTS:
            enroll(authority, fleet.file(host))
        renew(authority, fleet.file(SUPERSEDED))
        revoke(authority, fleet.file(REVOKED))
        for host in SSH_HOSTS:
            enroll_host(authority, folder / host)
        by = ("--provisioner", "admin", "--provisioner-password-file", str(made.password))
        serial = str(read_ssh(folder / SSH_REVOKED).serial)
        done = authority.step("ssh", "revoke", serial, *by)
        assert done.returncode == 0, done.stderr
        fleet.certbot(
            "certonly", "--standalone", "--http-01-port", str(fleet.challenge_port), "--agree-tos",
            "-m", "you@example.com", "-d", "localhost",
        )  # fmt: skip # a command line
    if kind in ("postgresql", "mysql"):
        name = "postgres" if kind == "postgresql" else kind
        source = ["--from", name, store["dataSource"], "--database", store["database"]]
    else:
        exported = folder / "export.jsonl"
        exported.write_text(run([exporter, "-type", kind, store["dataSource"]]).stdout)
        source = ["--from", "badger-export", str(exported)]
    own = None if kind == "mysql" else store  # which is refused as this authority's own
    made.edit(insecureAddress=f"127.0.0.1:{free_port()}", db=own)
    return Fleet(made, folder, source, fleet.challenge_port)


def enroll(authority: Authority, certificate: Path) -> None:
    done = authority.step(
        "ca", "certificate", certificate.stem, str(certificate), str(certificate.with_suffix(".key")),
        "--provisioner", "admin", "--provisioner-password-file", str(authority.password_file),
    )  # fmt: skip # a command line
    assert done.returncode == 0, done.stderr


def renew(authority: Authority, certificate: Path) -> bool:
    """Renews over TLS; the file has the new certificate then."""
    key = certificate.with_suffix(".key")
    return authority.step("ca", "renew", "--force", str(certificate), str(key)).returncode == 0


def revoke(authority: Authority, certificate: Path) -> None:
    key = certificate.with_suffix(".key")
    done = authority.step(
        "ca", "revoke", "--cert", str(certificate), "--key", str(key), "--reasonCode", "1"
    )
    assert done.returncode == 0, done.stderr


def enroll_host(authority: Authority, key: Path) -> None:
    """Make a key and a certificate of the host of that name."""
    done = authority.step(
        "ssh", "certificate", key.name, str(key), "--host", "--no-password", "--insecure",
        "--provisioner", "admin", "--provisioner-password-file", str(authority.password_file),
    )  # fmt: skip # a command line
    assert done.returncode == 0, done.stderr


def renew_host(authority: Authority, key: Path) -> bool:
    return authority.step("ssh", "renew", f"{key}-cert.pub", str(key), "--force").returncode == 0


def read_ssh(key: Path) -> certificates.Certificate:
    """The SSH certificate beside a key."""
    return certificates.parse(read_line(Path(f"{key}-cert.pub").read_bytes()).wire)


def read(certificate: Path) -> x509.Certificate:
    return x509.load_pem_x509_certificate(certificate.read_bytes())


def list_catalogue(made: Installation) -> set[int]:
    """The serial numbers in the inventory."""
    database = read_settings(Layout(made.state)).database("inventory")

    async def fetch() -> list[Row]:
        opened = await open_database(database)
        try:
            return await opened.fetch(Statement("SELECT serial FROM certificates"))
        finally:
            await opened.close()

    return {int.from_bytes(row[0]) for row in asyncio.run(fetch())}


def test_all_that_was_issued_renews_has_a_status_and_is_listed(fleet: Fleet) -> None:
    made = fleet.made
    acme = fleet.folder / "certbot/config/live/localhost/cert.pem"
    issued = len(HOSTS) + 2  # a renewal, and the one by ACME
    would = fleet.take_over("--dry-run").stdout
    assert f"certificates: {issued} read, {issued} would be imported\n" in would
    assert "revocations of SSH certificates: 1 read, 1 would be imported\n" in would
    assert not list(made.state.glob("db/*.sqlite"))
    done = fleet.take_over().stdout
    for line in (
        f"certificates: {issued} read, {issued} imported",
        "revocations: 1 read, 1 imported",
        "ACME accounts: 1 read, 1 imported",
        "owners of ACME certificates: 1 read, 1 imported",
        f"SSH certificates: {len(SSH_HOSTS)} read, {len(SSH_HOSTS)} imported",
        "revocations of SSH certificates: 1 read, 1 imported",
        "acme_orders: 1 left out: a client whose order is under way begins again",
    ):
        assert f"{line}\n" in done
    again = fleet.take_over().stdout
    assert f"certificates: {issued} read, 0 imported, {issued} already there\n" in again
    assert "revocations: 1 read, 0 imported, 1 already there\n" in again
    assert "ACME accounts: 1 read, 0 imported, 1 already there\n" in again
    serials = {read(fleet.file(host)).serial_number for host in HOSTS}
    with serve(made, *fleet.flags) as (served, _):
        http = json.loads(made.config.read_text())["insecureAddress"].rpartition(":")[2]
        authority = replace(served, http_port=int(http))
        wait_until(lambda: authority.ocsp(fleet.file(REVOKED)) == "revoked", log=authority.log)
        for certificate in (*map(fleet.file, HOSTS[1:]), acme):
            wait_until(lambda file=certificate: authority.ocsp(file) == "good")
        wait_until(lambda: serials < list_catalogue(made))
        assert not renew(authority, fleet.file(REVOKED))
        for host in HOSTS[1:]:
            before = read(fleet.file(host))
            assert renew(authority, fleet.file(host)), authority.logs()
            after = read(fleet.file(host))
            assert after.serial_number != before.serial_number
            assert after.subject.public_bytes() == before.subject.public_bytes()
        assert not renew_host(authority, fleet.folder / SSH_REVOKED)
        before_ssh = read_ssh(fleet.folder / SSH_HOSTS[1])
        wait_until(lambda: before_ssh.serial in list_catalogue(made))
        assert renew_host(authority, fleet.folder / SSH_HOSTS[1]), authority.logs()
        after_ssh = read_ssh(fleet.folder / SSH_HOSTS[1])
        assert after_ssh.serial != before_ssh.serial
        assert after_ssh.principals == before_ssh.principals
        old = fleet.folder / "old.pem"
        old.write_bytes(acme.read_bytes())
        fleet.certbot("renew", "--force-renewal", "--no-random-sleep-on-renew")
        assert read(acme).serial_number != read(old).serial_number
        fleet.certbot("revoke", "--cert-path", str(old), "--no-delete-after-revoke")
        wait_until(lambda: authority.ocsp(old) == "revoked")
        assert "Traceback" not in authority.logs()


def test_an_import_into_an_authority_that_runs_is_refused(fleet: Fleet) -> None:
    with serve(fleet.made, *fleet.flags):
        done = subprocess.run(
            [NEWEL, "import", *fleet.source, "--state", str(fleet.made.state)],
            capture_output=True, text=True, check=False, timeout=60,
        )  # fmt: skip # a command line
    assert done.returncode == 1
    assert "is in use by another" in done.stderr


def test_what_another_authority_issued_is_left_out_and_listed(fleet: Fleet, tmp_path: Path) -> None:
    other = init(tmp_path)
    done = run(
        [NEWEL, "import", *fleet.source, "--state", other.state, "--left-out", tmp_path / "out"]
    ).stdout
    issued = len(HOSTS) + 2
    assert (
        f"certificates: {issued} left out: issued by CN=T Intermediate CA,O=T, which is no issuer"
        in done
    )
    lines = (tmp_path / "out").read_text().splitlines()
    assert sum(line.startswith("x509_certs\t") for line in lines) == issued


def test_the_commands_of_the_runbook_take_over_a_step_ca(tmp_path: Path) -> None:
    made = init(tmp_path)
    with serve(made, "--password-file", made.password, program=others("step-ca")) as (authority, _):
        enroll(authority, tmp_path / "a.test.crt")
    page = REPOSITORY / "docs/runbooks/take-over-step-ca.md"
    commands = [block.text for block in blocks(page) if "newel import" in block.first]
    said = [
        run(
            ["bash", "-euc", command],
            cwd=tmp_path,
            env={**os.environ, "STEPPATH": str(made.state), "PATH": f"{BIN}:{os.environ['PATH']}"},
        ).stdout
        for command in commands[:3]
    ]
    assert "certificates: 1 read, 1 imported" in said[-1]
    with serve(made, "--password-file", made.password) as (authority, _):
        assert renew(authority, tmp_path / "a.test.crt")


def test_what_administrators_managed_is_taken_over(tmp_path: Path, exporter: Path) -> None:
    made = init(tmp_path, "--acme", "--remote-management")
    admin = ("--admin-provisioner", "admin", "--admin-password-file", str(made.password))
    first, jane = ("--admin-subject", "step", *admin), ("--admin-subject", "jane", *admin)
    flags: list[str | Path] = ["--password-file", made.password]

    def ask(authority: Authority, *words: str) -> str:
        done = authority.step("ca", *words)
        assert done.returncode == 0, done.stderr
        return done.stdout

    with serve(made, *flags, program=others("step-ca")) as (authority, _):
        ask(authority, "admin", "add", "jane", "admin", "--super", *first)
        ask(authority, "provisioner", "update", "acme", "--x509-max-dur", "48h", *first)
        ask(
            authority,
            "policy",
            "authority",
            "x509",
            "allow",
            "dns",
            "step",
            "jane",
            "*.lab",
            *first,
        )
    exported = tmp_path / "export.jsonl"
    exported.write_text(run([exporter, made.state / "db"]).stdout)
    command = [NEWEL, "import", "--from", "badger-export", exported, "--state", made.state]
    said = run(command).stdout
    for line in ("provisioners: 2 read, 2 imported", "administrators: 2 read, 2 imported",
                 "policies: 1 read, 1 imported"):  # fmt: skip # a list
        assert f"{line}\n" in said
    assert "administrators: 2 read, 0 imported, 2 already there\n" in run(command).stdout
    with serve(made, *flags) as (authority, _):
        assert "jane\tadmin (JWK)\tSUPER_ADMIN" in ask(authority, "admin", "list", *jane)
        listed = {each["name"]: each for each in json.loads(ask(authority, "provisioner", "list"))}
        assert listed["acme"]["claims"]["maxTLSCertDuration"] == "48h0m0s"
        enroll(authority, tmp_path / "a.lab.crt")
        with pytest.raises(AssertionError, match="forbidden"):
            enroll(authority, tmp_path / "a.example.crt")
