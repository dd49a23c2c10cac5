"""Walks 18, 19 and 20: certificates kept alive through an outage, from a crontab, and revoked."""

import datetime as dt
import re
import signal
import subprocess
from typing import Any, Self

import pytest
from cryptography import x509
from cryptography.x509.oid import AuthorityInformationAccessOID

from fixtures.running import wait_until
from fixtures.step_ca import change
from fixtures.tls_services import hello, nginx
from fixtures.walks import Walker, keeper, started, stranger, walker
from newel.client.clock import now

__all__ = ["keeper", "stranger", "walker"]

ADMIN = "--issuer admin --password-file password.txt"
SERVER_ONLY = (
    '{"subject": {{ toJson .Subject }}, "sans": {{ toJson .SANs }}, '
    '"keyUsage": ["digitalSignature"], "extKeyUsage": ["serverAuth"]}'
)


def leaf(walker: Walker, name: str) -> x509.Certificate:
    return x509.load_pem_x509_certificates((walker.home / f"{name}.crt").read_bytes())[0]


class Daemon:
    """`step ca renew --daemon` with what it has said."""

    def __init__(self, walker: Walker, line: str) -> None:
        self.log = walker.home / "daemon.log"
        self.walker = walker
        with self.log.open("wb") as sink:
            self.process = subprocess.Popen(
                ["bash", "-c", f"exec {line}"], cwd=walker.home, env=walker.env, stdout=sink,
                stderr=sink, stdin=subprocess.DEVNULL, start_new_session=True,
            )  # fmt: skip

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.wait()

    def said(self, what: str, times: int = 1) -> re.Match[str]:
        """The last of so many lines that match."""

        def found() -> list[re.Match[str]]:
            lines = [re.search(what, line) for line in self.log.read_text().splitlines()]
            return [line for line in lines if line]

        wait_until(lambda: len(found()) >= times, process=self.process, log=self.log)
        return found()[-1]

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


def served(foo: Walker, url: str) -> int:
    """The serial number of what is served there."""
    address = url.removeprefix("https://").rstrip("/")
    shown = foo.types(
        f"openssl s_client -connect {address} </dev/null 2>/dev/null | openssl x509 -noout -serial"
    )
    return int(shown.strip().removeprefix("serial="), 16)


@pytest.mark.needs("nginx", "openssl")
def test_walk_18_a_daemon_keeps_the_certificate_alive_through_an_outage(keeper: Walker) -> None:
    known = keeper.known
    with started(known):
        foo = Walker(keeper.home / "foo", keeper.program, known).bootstraps()
        foo.types(f"step ca certificate localhost foo.crt foo.key --not-after 10m {ADMIN}")
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
        assert daemon.said(r"INFO: [\d/]+ [\d:]+ first renewal in ([56])m\d+s")
        assert served(foo, url) == first
        with started(known):
            daemon.now()
            daemon.said(r"INFO: .*certificate renewed, next in [56]m\d+s")
            second = leaf(foo, "foo").serial_number
            assert second != first
            wait_until(lambda: served(foo, url) == second)
            assert hups() == 1
        daemon.now()
        refused = r"ERROR: .* error renewing certificate: .*connection refused"
        daemon.said(refused, times=4 if foo.ours else 1)
        if (
            foo.ours
        ):  # each pause is at least three quarters of 1, 2 and 4 seconds; the log has whole ones
            moments = daemon.times(refused)
            assert moments[2] - moments[1] >= dt.timedelta(seconds=1)
            assert moments[3] - moments[2] >= dt.timedelta(seconds=3)
        assert hups() == 1
        with started(known):
            if not foo.ours:  # it would try again in a minute
                daemon.now()
            daemon.said(r"INFO: .*certificate renewed", times=2)
        third = leaf(foo, "foo").serial_number
        assert third != second
        wait_until(lambda: served(foo, url) == third)
        assert hups() == 2


def test_walk_19_a_crontab_renews_in_time_and_only_what_can_be(walker: Walker) -> None:
    def renew(left: str) -> str:
        line = f"step ca renew --force --expires-in {left} foo.crt foo.key && touch reloaded"
        return walker.says(f"env -i STEPPATH=$STEPPATH PATH=$PATH sh -c '{line}'")

    walker.types(f"step ca certificate foo.internal expired.crt expired.key --not-after 5s {ADMIN}")
    walker.types(f"step ca certificate foo.internal foo.crt foo.key {ADMIN}")
    before = walker.read("foo.crt")
    assert re.match(r"certificate not renewed: expires in 2[34]h", renew("8h"))
    assert walker.read("foo.crt") == before
    assert renew("24h") == "Your certificate has been saved in foo.crt.\n"
    assert walker.read("foo.crt") != before
    before = walker.read("expired.crt")
    end = leaf(walker, "expired").not_valid_after_utc
    wait_until(lambda: now() - end > dt.timedelta(seconds=1))  # the last second is still good
    walker.types("step ca renew --force expired.crt expired.key", code=1)
    assert walker.read("expired.crt") == before
    flags = set(re.findall(r"--[a-z]+[a-z-]*", walker.types("step help ca renew")))
    assert len(flags) > 12


def test_walk_19_what_is_for_servers_only_renews_nothing(keeper: Walker) -> None:
    """An authority's template leaves out the usage a renewal over mutual TLS needs."""

    def template(ca: dict[str, Any]) -> None:
        ca["authority"]["provisioners"][0]["options"] = {"x509": {"template": SERVER_ONLY}}

    known = keeper.known
    change(known.state / "config/ca.json", template)
    with started(known):
        foo = Walker(keeper.home / "foo", keeper.program, known).bootstraps()
        foo.types(f"step ca certificate foo.internal serveronly.crt serveronly.key {ADMIN}")
        assert "Client Authentication" not in foo.types("step certificate inspect serveronly.crt")
        before = foo.read("serveronly.crt")
        foo.types("step ca renew --force serveronly.crt serveronly.key", code=1)
        assert foo.read("serveronly.crt") == before


@pytest.mark.needs("openssl", "curl")
def test_walk_20_revocation_passive_and_active(keeper: Walker) -> None:
    known = keeper.known
    renew = "step ca renew --force foo.crt foo.key"
    with started(known):
        foo = Walker(keeper.home / "foo", keeper.program, known).bootstraps()
        foo.types("step ca root root_ca.crt")
        for name, files in (("foo.internal", "foo"), ("localhost", "bar")):
            foo.types(f"step ca certificate {name} {files}.crt {files}.key {ADMIN}")
        revoked = leaf(foo, "foo")
        said = foo.says("step ca revoke --cert foo.crt --key foo.key")
        assert f"CA: {known.url}" in said
        assert f"Certificate with Serial Number {revoked.serial_number} has been revoked." in said
        assert f"Serial Number: {revoked.serial_number} " in foo.types(
            "step certificate inspect foo.crt"
        )
        foo.types(renew, code=1)
        with hello(foo.home, "bar", clients=foo.home / "root_ca.crt") as url:
            curl = f"curl -s --cacert root_ca.crt --cert foo.crt --key foo.key {url}"
            assert foo.types(curl) == "Hello, world!\n"
        if known.http_port:
            listed_and_answered(foo, revoked)
    with started(known):
        foo.types(renew, code=1)


def listed_and_answered(foo: Walker, revoked: x509.Certificate) -> None:
    """Our authority publishes what is revoked: in its list, and by OCSP."""
    known = foo.known
    point = revoked.extensions.get_extension_for_class(x509.CRLDistributionPoints).value[0]
    (crl,) = point.full_name or []
    listed = f"curl -s {crl.value} | openssl crl -inform DER -noout -text"
    serial = f"Serial Number: 0*{revoked.serial_number:X}\\b"
    wait_until(lambda: re.search(serial, foo.types(listed)))
    foo.types(f"curl -s {crl.value} | openssl crl -inform DER -out crl.pem")
    verify = (
        f"openssl verify -crl_check -CAfile root_ca.crt -untrusted {known.issuer} -CRLfile crl.pem"
    )
    assert "certificate revoked" in foo.says(f"{verify} foo.crt", code=2)
    assert foo.types(f"{verify} bar.crt") == "bar.crt: OK\n"
    access = revoked.extensions.get_extension_for_class(x509.AuthorityInformationAccess).value
    (ocsp,) = (
        each.access_location.value
        for each in access
        if each.access_method == AuthorityInformationAccessOID.OCSP
    )
    ask = f"openssl ocsp -issuer {known.issuer} -url {ocsp} -CAfile root_ca.crt -cert"
    assert "foo.crt: revoked" in foo.types(f"{ask} foo.crt 2>&1")
    assert "bar.crt: good" in foo.types(f"{ask} bar.crt 2>&1")
