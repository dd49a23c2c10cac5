"""Debian's package, without the libraries in it: fields, units, scripts; tests/packages installs the whole."""

import hashlib
import io
import re
import subprocess
import tarfile
from pathlib import Path

import pytest
from deploy.packages import checksums, debian, environment, shared_files, units
from deploy.packages.tree import File, Link, Tree, read_epoch

from newel.standalone.options import parse

EPOCH = 1_700_000_000
RENEWALS = ("cert-renewer@.service", "ssh-cert-renewer.service")
WORST_EXPOSURE = 1.5
"""Of 10; docs/deployment.md has the figure."""


def small_package() -> debian.Package:
    """A package of units and settings alone."""
    tree: Tree = units.make_units()
    tree["etc/newel/newel.env"] = File((debian.SOURCES / "newel.env").read_bytes())
    tree["usr/bin/newel"] = Link("../lib/newel/bin/newel")
    control = debian.CONTROL.format(
        version="1.0+py3.11", architecture="all", maintainer=debian.MAINTAINER, depends="python3",
        size=debian.measure(tree), description=(debian.SOURCES / "description").read_text().rstrip(),
    )  # fmt: skip # a table
    return debian.Package("newel", "1.0+py3.11", "all", tree, debian.make_control(tree, control))


def ask(*words: str | Path) -> str:
    return subprocess.run(words, check=True, capture_output=True, text=True).stdout


@pytest.mark.needs("dpkg-deb")
def test_the_same_content_gives_the_same_octets_and_every_file_has_a_checksum(
    tmp_path: Path,
) -> None:
    found: list[bytes] = []
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        file = debian.pack(small_package(), tmp_path / folder, EPOCH)
        found.append(file.read_bytes())
    assert file.name == "newel_1.0+py3.11_all.deb"
    assert found[0] == found[1]
    assert ask("dpkg-deb", "--field", file, "Package", "Depends") == (
        "Package: newel\nDepends: python3\n"
    )
    scripts = ask("dpkg-deb", "--ctrl-tarfile", file)
    assert {"./postinst", "./prerm", "./postrm", "./templates"} <= set(
        re.findall(r"\./\w+", scripts)
    )
    packed = subprocess.run(["dpkg-deb", "--fsys-tarfile", file], check=True, capture_output=True)
    sums = debian.make_control(small_package().tree, "")["md5sums"]
    assert isinstance(sums, File)
    with tarfile.open(fileobj=io.BytesIO(packed.stdout)) as archive:
        entries = archive.getmembers()
        assert {(entry.uid, entry.gid, entry.uname) for entry in entries} == {(0, 0, "root")}
        assert {entry.mtime for entry in entries} == {EPOCH}
        for line in sums.data.decode().splitlines():
            digest, name = line.split("  ")
            content = archive.extractfile(f"./{name}")
            assert content is not None
            assert hashlib.md5(content.read()).hexdigest() == digest  # noqa: S324 - what dpkg compares


def test_what_an_administrator_changes_is_kept_by_an_upgrade() -> None:
    control = small_package().control
    assert control["conffiles"] == File(b"/etc/newel/newel.env\n")


@pytest.mark.parametrize("name", debian.SCRIPTS)
def test_a_script_is_what_debian_s_shell_understands(name: str) -> None:
    entry = small_package().control[name]
    assert isinstance(entry, File)
    text = entry.data.decode()
    assert entry.mode == 0o755
    assert text.startswith("#!/bin/sh\n")
    assert "\nset -e\n" in text
    assert "@" not in text
    done = subprocess.run(["sh", "-n"], input=text, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_the_program_and_its_flags_exist() -> None:
    text = read_unit("newel.service")
    line = next(line for line in text.splitlines() if line.startswith("ExecStart="))
    assert line.startswith("ExecStart=/usr/bin/newel up ")
    assert parse(line.split()[2:-1]).state == Path("/var/lib/newel")
    assert "User=newel\nGroup=newel\n" in text
    assert "DynamicUser" not in text
    for name in RENEWALS:
        assert "ExecStart=/usr/bin/newel " in read_unit(name)


def read_unit(name: str) -> str:
    entry = units.make_units()[f"{units.FOLDER}/{name}"]
    assert isinstance(entry, File)
    return entry.data.decode()


def test_a_unit_that_changed_is_not_packed_half_adapted() -> None:
    with pytest.raises(ValueError, match=r"newel\.service: has no 'Nothing=' to replace"):
        units.adapt("newel.service", [("Nothing=", "")])
    with pytest.raises(ValueError, match="a place below /opt/newel is left in it"):
        units.adapt("newel.service", [])


@pytest.mark.needs("systemd-analyze")
def test_systemd_understands_the_unit_and_finds_few_rights(tmp_path: Path) -> None:
    unit = tmp_path / "newel.service"
    # a program that is there; the manual is not installed here
    unit.write_text(read_unit("newel.service").replace("/usr/bin/newel", "/bin/true"))
    verified = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", "--recursive-errors=no", unit],
        capture_output=True, text=True, check=False,
    )  # fmt: skip # a command line
    assert verified.returncode == 0, verified.stderr
    assert [line for line in verified.stderr.splitlines() if unit.name in line] == []
    said = ask("systemd-analyze", "security", "--offline=yes", "--no-pager", unit)
    found = re.search(r"Overall exposure level for \S+: ([0-9.]+)", said)
    assert found
    assert float(found[1]) <= WORST_EXPOSURE


def test_pages_completions_and_the_program_are_where_the_system_looks(tmp_path: Path) -> None:
    (tmp_path / "man1").mkdir()
    (tmp_path / "man1/newel.1").write_text(".TH NEWEL 1\n")
    tree = shared_files.make_shared_files(tmp_path)
    assert tree["usr/bin/newel"] == Link("../lib/newel/bin/newel")
    assert {"usr/share/man/man1/newel.1.gz", *shared_files.COMPLETIONS.values()} <= set(tree)
    assert "usr/share/doc/newel/docs/runbooks/README.md" in tree


def test_a_record_names_what_is_there_and_nothing_of_the_machine() -> None:
    record = b"a/b.py,sha256=x,1\n../../../bin/a,sha256=y,2\na/__pycache__/b.pyc,,\na-1.dist-info/RECORD,,\n"
    kept = environment.prune_record(record, {"a/b.py": b"", "a-1.dist-info/RECORD": record})
    assert kept == b"a/b.py,sha256=x,1\na-1.dist-info/RECORD,,\n"


def test_a_release_s_files_are_compared_by_sha256sum(tmp_path: Path) -> None:
    (tmp_path / "b.whl").write_bytes(b"wheel")
    (tmp_path / "a.deb").write_bytes(b"package")
    (tmp_path / ".gitignore").write_bytes(b"*")
    (tmp_path / "man").mkdir()
    for _ in range(2):  # the list is not in itself
        assert checksums.write_checksums(tmp_path) == tmp_path / "SHA256SUMS"
    compare = ["sha256sum", "--check", "--strict", "SHA256SUMS"]
    done = subprocess.run(compare, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.stdout == "a.deb: OK\nb.whl: OK\n"
    (tmp_path / "a.deb").write_bytes(b"another")
    changed = subprocess.run(compare, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (changed.returncode, "a.deb: FAILED" in changed.stdout) == (1, True)


@pytest.mark.parametrize("value", ["", "yesterday", "-1"])
def test_a_time_that_is_none_is_refused(value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOURCE_DATE_EPOCH", value)
    with pytest.raises(ValueError, match="SOURCE_DATE_EPOCH: set it to seconds since 1970"):
        read_epoch()
