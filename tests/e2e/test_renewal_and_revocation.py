"""Certificates renewed through an outage and from a crontab, and revoked."""

import datetime as dt
import re
import signal
import subprocess
from typing import Any, Self

import pytest
from cryptography import x509
from cryptography.x509.oid import AuthorityInformationAccessOID

from fixtures.running import wait_until
from fixtures.scenarios import Shell, keeper, shell, start_authority, stranger
from fixtures.step_ca import change
from fixtures.tls_services import hello, nginx
from newel.client.clock import now

__all__ = ["keeper", "shell", "stranger"]

ADMIN = "--issuer admin --password-file password.txt"
SERVER_ONLY = (
    '{"subject": {{ toJson .Subject }}, "sans": {{ toJson .SANs }}, '
    '"keyUsage": ["digitalSignature"], "extKeyUsage": ["serverAuth"]}'
)


def leaf(shell: Shell, name: str) -> x509.Certificate:
    return x509.load_pem_x509_certificates((shell.home / f"{name}.crt").read_bytes())[0]


class Daemon:
    """`step ca renew --daemon` with what it has said."""

    def __init__(self, shell: Shell, line: str) -> None:
        self.log = shell.home / "daemon.log"
        self.shell = shell
        with self.log.open("wb") as sink:
            self.process = subprocess.Popen(
                ["bash", "-c", f"exec {line}"], cwd=shell.home, env=shell.env, stdout=sink,
                stderr=sink, stdin=subprocess.DEVNULL, start_new_session=True,
            )  # fmt: skip # a command line

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.wait()

    def wait_for_line(self, what: str, times: int = 1) -> re.Match[str]:
        """The last of so many lines that match."""

        def find_lines() -> list[re.Match[str]]:
            lines = [re.search(what, line) for line in self.log.read_text().splitlines()]
            return [line for line in lines if line]

        wait_until(lambda: len(find_lines()) >= times, process=self.process, log=self.log)
        return find_lines()[-1]

    def times(self, what: str) -> list[dt.datetime]:
        """When the lines that match were written."""
        lines = [line for line in self.log.read_text().splitlines() if re.search(what, line)]
        words = [" ".join(line.split()[1:3]) for line in lines]
        return [
            dt.datetime.strptime(each, "%Y/%m/%d %H:%M:%S").replace(tzinfo=dt.UTC) for each in words
        ]

    def now(self) -> None:
        """SIGHUP: the next renewal is due."""
        self.process.send_signal(signal.SIGHUP)


def read_serial(foo: Shell, url: str) -> int:
    """The serial number of what is served there."""
    address = url.removeprefix("https://").rstrip("/")
    shown = foo.type_line(
        f"openssl s_client -connect {address} </dev/null 2>/dev/null | openssl x509 -noout -serial"
    )
    return int(shown.strip().removeprefix("serial="), 16)


@pytest.mark.needs("nginx", "openssl")
def test_a_daemon_keeps_the_certificate_alive_through_an_outage(keeper: Shell) -> None:
    known = keeper.required_authority
    with start_authority(known):
        foo = Shell(keeper.home / "foo", keeper.program, known).bootstrap()
        foo.type_line(f"step ca certificate localhost foo.crt foo.key --not-after 10m {ADMIN}")
    first = leaf(foo, "foo").serial_number

    reload = f"nginx -s reload -p {foo.home} -c nginx.conf"

    def hups() -> int:
        return foo.read("error.log").count("signal 1 (SIGHUP) received")

    with (
        nginx(
            foo.home, foo.home / "foo.crt", foo.home / "foo.key", 'location / { return 200 "in"; }'
        ) as (url, _),
        Daemon(foo, f'step ca renew --force --daemon --exec "{reload}" foo.crt foo.key') as daemon,
    ):
        # two thirds of eleven minutes are over six minutes and twenty seconds from now
        assert daemon.wait_for_line(r"INFO: [\d/]+ [\d:]+ first renewal in ([56])m\d+s")
        assert read_serial(foo, url) == first
        with start_authority(known):
            daemon.now()
            daemon.wait_for_line(r"INFO: .*certificate renewed, next in [56]m\d+s")
            second = leaf(foo, "foo").serial_number
            assert second != first
            wait_until(lambda: read_serial(foo, url) == second)
            assert hups() == 1
        daemon.now()
        refused = r"ERROR: .* error renewing certificate: .*connection refused"
        daemon.wait_for_line(refused, times=4 if foo.ours else 1)
        if (
            foo.ours
        ):  # each pause is at least three quarters of 1, 2 and 4 seconds; the log has whole ones
            moments = daemon.times(refused)
            assert moments[2] - moments[1] >= dt.timedelta(seconds=1)
            assert moments[3] - moments[2] >= dt.timedelta(seconds=3)
        assert hups() == 1
        with start_authority(known):
            if not foo.ours:  # it would try again in a minute
                daemon.now()
            daemon.wait_for_line(r"INFO: .*certificate renewed", times=2)
        third = leaf(foo, "foo").serial_number
        assert third != second
        wait_until(lambda: read_serial(foo, url) == third)
        assert hups() == 2


def test_a_crontab_renews_in_time_and_only_what_can_be(shell: Shell) -> None:
    def renew(left: str) -> str:
        line = f"step ca renew --force --expires-in {left} foo.crt foo.key && touch reloaded"
        return shell.read_messages(f"env -i STEPPATH=$STEPPATH PATH=$PATH sh -c '{line}'")

    shell.type_line(
        f"step ca certificate foo.internal expired.crt expired.key --not-after 5s {ADMIN}"
    )
    shell.type_line(f"step ca certificate foo.internal foo.crt foo.key {ADMIN}")
    before = shell.read("foo.crt")
    assert re.match(r"certificate not renewed: expires in 2[34]h", renew("8h"))
    assert shell.read("foo.crt") == before
    assert renew("24h") == "Your certificate has been saved in foo.crt.\n"
    assert shell.read("foo.crt") != before
    before = shell.read("expired.crt")
    end = leaf(shell, "expired").not_valid_after_utc
    wait_until(lambda: now() - end > dt.timedelta(seconds=1))  # the last second is still good
    shell.type_line("step ca renew --force expired.crt expired.key", code=1)
    assert shell.read("expired.crt") == before
    flags = set(re.findall(r"--[a-z]+[a-z-]*", shell.type_line("step help ca renew")))
    assert len(flags) > 12


def test_what_is_for_servers_only_renews_nothing(keeper: Shell) -> None:
    """An authority's template leaves out the usage a renewal over mutual TLS needs."""

    def template(ca: dict[str, Any]) -> None:
        ca["authority"]["provisioners"][0]["options"] = {"x509": {"template": SERVER_ONLY}}

    known = keeper.required_authority
    change(known.state / "config/ca.json", template)
    with start_authority(known):
        foo = Shell(keeper.home / "foo", keeper.program, known).bootstrap()
        foo.type_line(f"step ca certificate foo.internal serveronly.crt serveronly.key {ADMIN}")
        assert "Client Authentication" not in foo.type_line(
            "step certificate inspect serveronly.crt"
        )
        before = foo.read("serveronly.crt")
        foo.type_line("step ca renew --force serveronly.crt serveronly.key", code=1)
        assert foo.read("serveronly.crt") == before


@pytest.mark.needs("openssl", "curl")
def test_revocation_passive_and_active(keeper: Shell) -> None:
    known = keeper.required_authority
    renew = "step ca renew --force foo.crt foo.key"
    with start_authority(known):
        foo = Shell(keeper.home / "foo", keeper.program, known).bootstrap()
        foo.type_line("step ca root root_ca.crt")
        for name, files in (("foo.internal", "foo"), ("localhost", "bar")):
            foo.type_line(f"step ca certificate {name} {files}.crt {files}.key {ADMIN}")
        revoked = leaf(foo, "foo")
        said = foo.read_messages("step ca revoke --cert foo.crt --key foo.key")
        assert f"CA: {known.url}" in said
        assert f"Certificate with Serial Number {revoked.serial_number} has been revoked." in said
        assert f"Serial Number: {revoked.serial_number} " in foo.type_line(
            "step certificate inspect foo.crt"
        )
        foo.type_line(renew, code=1)
        with hello(foo.home, "bar", clients=foo.home / "root_ca.crt") as url:
            curl = f"curl -s --cacert root_ca.crt --cert foo.crt --key foo.key {url}"
            assert foo.type_line(curl) == "Hello, world!\n"
        if known.http_port:
            check_status_published(foo, revoked)
    with start_authority(known):
        foo.type_line(renew, code=1)


def check_status_published(foo: Shell, revoked: x509.Certificate) -> None:
    """Our authority publishes what is revoked: in its list, and by OCSP."""
    known = foo.required_authority
    point = revoked.extensions.get_extension_for_class(x509.CRLDistributionPoints).value[0]
    (crl,) = point.full_name or []
    listed = f"curl -s {crl.value} | openssl crl -inform DER -noout -text"
    serial = f"Serial Number: 0*{revoked.serial_number:X}\\b"
    wait_until(lambda: re.search(serial, foo.type_line(listed)))
    foo.type_line(f"curl -s {crl.value} | openssl crl -inform DER -out crl.pem")
    verify = (
        f"openssl verify -crl_check -CAfile root_ca.crt -untrusted {known.issuer} -CRLfile crl.pem"
    )
    assert "certificate revoked" in foo.read_messages(f"{verify} foo.crt", code=2)
    assert foo.type_line(f"{verify} bar.crt") == "bar.crt: OK\n"
    access = revoked.extensions.get_extension_for_class(x509.AuthorityInformationAccess).value
    (ocsp,) = (
        each.access_location.value
        for each in access
        if each.access_method == AuthorityInformationAccessOID.OCSP
    )
    ask = f"openssl ocsp -issuer {known.issuer} -url {ocsp} -CAfile root_ca.crt -cert"
    assert "foo.crt: revoked" in foo.type_line(f"{ask} foo.crt 2>&1")
    assert "bar.crt: good" in foo.type_line(f"{ask} bar.crt 2>&1")
