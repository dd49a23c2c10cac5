"""Instances of a cloud that step-ca trusted once are not trusted a second time by its successor."""

import json
import os
from pathlib import Path

import pytest
from cryptography import x509

from fakes.clouds import Cloud, MetadataService
from fixtures.running import NEWEL, Authority, others, run
from fixtures.scenarios import Shell
from fixtures.step_ca_command import Installation, init, serve

pytestmark = pytest.mark.needs("step", "step-ca")
LINE = "step ca certificate foo.internal foo.crt foo.key --san foo.internal --issuer AWS --force"


@pytest.fixture(scope="module", params=["badgerv2", "postgresql"])
def source(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> tuple[str, dict[str, str]]:
    """The kind of step-ca's store, and its member ``db`` of ca.json."""
    kind: str = request.param
    if kind == "postgresql":
        url: str = request.getfixturevalue("postgres_url")
        return kind, {"type": kind, "dataSource": url, "database": f"instances_{os.getpid()}"}
    return kind, {"type": kind, "dataSource": str(tmp_path_factory.mktemp(kind) / "store")}


def export(kind: str, store: dict[str, str], exporter: Path, exported: Path) -> list[str]:
    """The words of `newel import` that name the store."""
    if kind == "postgresql":
        return ["--from", "postgres", store["dataSource"], "--database", store["database"]]
    exported.write_text(run([exporter, "-type", kind, store["dataSource"]]).stdout)
    assert "c2lnbmF0dXJl" not in exported.read_text()  # "signature", which proves the instance
    return ["--from", "badger-export", str(exported)]


def on_instance(folder: Path, authority: Authority, service: MetadataService) -> Shell:
    return Shell(folder, "step", authority, {"HTTP_PROXY": f"http://{service.address}"})


def test_an_instance_that_had_its_certificate_gets_no_other(
    tmp_path: Path, source: tuple[str, dict[str, str]], exporter: Path
) -> None:
    kind, store = source
    cloud = Cloud()
    (tmp_path / "iid.crt").write_bytes(cloud.certificate())
    made = init(tmp_path)
    authority = json.loads(made.config.read_text())["authority"]
    authority["provisioners"].append(
        {"type": "AWS", "name": "AWS", "iidRoots": str(tmp_path / "iid.crt")}
    )
    made.edit(db=store, authority=authority)
    flags: list[str | Path] = ["--password-file", made.password]
    with MetadataService(cloud) as service:
        with serve(made, *flags, program=others("step-ca")) as (original, _):
            Shell(tmp_path / "vm", "step", original).bootstrap()
            vm = on_instance(tmp_path / "vm", original, service)
            vm.type_line(LINE)
        done = take_over(made, export(kind, store, exporter, tmp_path / "export.jsonl"))
        assert "used tokens: 1 read, 1 imported\n" in done
        with serve(made, *flags) as (successor, _):
            vm = on_instance(tmp_path / "vm", successor, service)
            assert "lacked necessary authorization" in vm.read_messages(LINE, code=1)
            vm.type_line("step ca renew foo.crt foo.key --force")
            cloud.launch()
            vm.type_line(LINE)
    assert x509.load_pem_x509_certificates((tmp_path / "vm/foo.crt").read_bytes())


def take_over(made: Installation, words: list[str]) -> str:
    """Runs the import and says what it printed."""
    return run([NEWEL, "import", *words, "--state", made.state]).stdout
