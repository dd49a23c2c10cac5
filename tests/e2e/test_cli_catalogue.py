"""The catalogue on the command line: an administrator lists, shows, exports and revokes."""

import csv
import io
import json
import os
import subprocess
from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from fixtures.processes import free_port
from fixtures.running import NEWEL, Authority, configure, serve_newel, wait_until


@dataclass(frozen=True, slots=True)
class Desk:
    """A machine with the authority's root, an administrator's certificate and no terminal."""

    authority: Authority
    home: Path

    def newel(self, *words: str, status: int = 0) -> subprocess.CompletedProcess[str]:
        """Runs the command line; fails with what it said unless it ends as it should."""
        done = subprocess.run(
            [NEWEL, *words],
            cwd=self.home,
            env={**os.environ, "STEPPATH": str(self.home / "step")},
            capture_output=True,
            text=True,
            check=False,
            stdin=subprocess.DEVNULL,
            start_new_session=True,
            timeout=60,
        )
        assert done.returncode == status, f"{words}: {done.stdout}{done.stderr}"
        assert "Traceback" not in done.stderr
        return done

    @property
    def provisioner(self) -> list[str]:
        return ["--provisioner", "admin", "--password-file", str(self.authority.password_file)]

    def issue(self, name: str, *flags: str) -> None:
        files = [f"{name}.crt", f"{name}.key"]
        self.newel("ca", "certificate", name, *files, "--force", *self.provisioner, *flags)

    def entries(self, *words: str) -> list[dict[str, str]]:
        found: list[dict[str, str]] = json.loads(self.newel(*words, "--output", "json").stdout)
        return found

    def find_certificates(self, subject: str, count: int = 1) -> list[dict[str, str]]:
        """The certificates of a subject, once the catalogue has as many."""

        def look() -> list[dict[str, str]] | None:
            found = self.entries("certificates", "list", "--subject", subject)
            return found if len(found) == count else None

        entries: list[dict[str, str]] = wait_until(look)
        return entries


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Generator[Desk]:
    folder = tmp_path_factory.mktemp("catalogue")
    ports = free_port(), free_port()
    with serve_newel(folder / "state", *ports):
        pass
    administrators = [{"subject": "admin", "provisioner": "admin"}]
    secret = folder / "hook.secret"
    secret.write_text("correct horse battery staple")
    secret.chmod(0o600)
    hook = {"kind": "webhook", "url": f"http://127.0.0.1:{free_port()}", "secret_file": str(secret)}
    configure(
        folder / "state",
        inventory={"administrators": administrators, "expiry": {"fraction": 0.15}},
        alerting={"channels": {"unreachable": hook}, "retry": {"attempts": 1}},
    )
    with serve_newel(folder / "state", *ports) as (running, _):
        desk = Desk(running, folder)
        root = json.loads(
            desk.newel("certificate", "inspect", "--format", "json", str(running.root)).stdout
        )
        fingerprint = root["fingerprint_sha256"]
        desk.newel("ca", "bootstrap", "--ca-url", running.url, "--fingerprint", fingerprint)
        desk.issue("admin")
        # what a person writes down once; every command may also be given them as flags
        defaults = folder / "step/config/defaults.json"
        known = json.loads(defaults.read_text())
        known |= {"admin-cert": str(folder / "admin.crt"), "admin-key": str(folder / "admin.key")}
        defaults.write_text(json.dumps(known))
        desk.find_certificates("admin")
        yield desk


def test_lists_are_filtered_sorted_and_limited(desk: Desk) -> None:
    desk.issue("one.internal", "--not-after", "6m")
    desk.issue("two.internal", "--not-after", "20m")
    desk.find_certificates("one.internal")
    desk.find_certificates("two.internal")
    words = ("certificates", "list", "--search", ".internal", "--sort", "expires")
    assert [each["subject"] for each in desk.entries(*words)] == ["one.internal", "two.internal"]
    soon = desk.entries("certificates", "list", "--expires-before", "10m", "--search", ".internal")
    assert [each["subject"] for each in soon] == ["one.internal"]
    first = desk.newel(*words, "--limit", "1")
    heading, row = first.stdout.splitlines()
    assert heading.split() == [
        "SERIAL", "TYPE", "STATE", "SUBJECT", "NAMES", "EXPIRES", "PROVISIONER", "ENDPOINT",
    ]  # fmt: skip # words in rows
    assert row.split()[1:5] == ["x509", "active", "one.internal", "dns:one.internal"]
    assert first.stderr == "There are more than these 1: --limit 0 shows all.\n"
    assert desk.newel(*words, "--limit", "2").stderr == ""
    assert len(desk.entries(*words, "--limit", "0")) == 2
    rows = list(csv.DictReader(io.StringIO(desk.newel(*words, "--output", "csv").stdout)))
    assert [row["names"] for row in rows] == ["dns:one.internal", "dns:two.internal"]


def test_metering_counts_what_the_lists_show(desk: Desk) -> None:
    desk.issue("metered.internal", "--not-after", "20m")
    desk.find_certificates("metered.internal")

    def count() -> tuple[dict[str, Any], list[dict[str, Any]]] | None:
        """Return the month and the list, once no certificate came between them."""
        found = json.loads(desk.newel("metering", "--output", "json").stdout)
        listed = desk.entries("certificates", "list", "--limit", "0")
        return (found, listed) if found["total"]["issued"] == len(listed) else None

    found, listed = wait_until(count)
    assert found["total"]["certificates"] == len(listed)
    by_provisioner = {each["provisioner"]: each for each in found["usages"]}
    own = [each for each in listed if each["provisioner"] == "admin"]
    assert by_provisioner["admin"]["issued"] == len(own)
    table = desk.newel("metering", "--month", found["month"])
    heading, *rows, total = table.stdout.splitlines()
    assert heading.split()[:2] == ["PROVISIONER", "AUTHORITY"]
    assert [row.split()[0] for row in rows] == ["(the", "admin"]
    assert total.split()[0] == "TOTAL"
    assert f"{found['month']} is not over" in table.stderr
    lines = list(csv.DictReader(io.StringIO(desk.newel("metering", "--output", "csv").stdout)))
    assert [each["provisioner"] for each in lines] == ["", "admin"]
    refused = desk.newel("metering", "--month", "october", status=1)
    assert "must be a month as in 2026-11" in refused.stderr


def test_metadata_is_imported_whole_or_not_at_all(desk: Desk) -> None:
    file = desk.home / "hosts.csv"
    file.write_text("kind,key,owner\nname,dns:known.internal,ada\nname,oops,eve\n")
    refused = desk.newel("metadata", "import", "hosts.csv", status=1)
    assert "Nothing was imported: line 3: the name 'oops' has no kind" in refused.stderr
    assert desk.entries("metadata", "list") == []
    file.write_text("kind,key,owner\nname,dns:known.internal,ada\n")
    assert (
        "Nothing written: 1 new"
        in desk.newel("metadata", "import", "hosts.csv", "--dry-run").stderr
    )
    assert "Metadata: 1 new" in desk.newel("metadata", "import", "hosts.csv").stderr
    heading, row = desk.newel("metadata", "list", "--attribute", "owner=ada").stdout.splitlines()
    assert heading.split() == ["KIND", "KEY", "PROVISIONER", "ENTRIES", "WRITTEN"]
    assert row.split()[:3] == ["name", "dns:known.internal", "owner=ada"]
    desk.issue("known.internal", "--not-after", "20m")
    (found,) = desk.find_certificates("known.internal")
    assert "owner=ada" in desk.newel("endpoints", "show", found["endpoint"]).stdout
    (desk.home / "again.json").write_text(json.dumps(desk.entries("metadata", "list")))
    assert "1 unchanged" in desk.newel("metadata", "import", "again.json").stderr
    unknown = desk.newel("metadata", "import", "hosts", status=1)
    assert "--format does: csv, json, ndjson" in unknown.stderr


NEITHER = (
    "no certificate has the serial number 1234, read as hexadecimal, nor 1234, read as decimal\n"
)


def test_show_knows_a_certificate_by_its_serial_however_written(desk: Desk) -> None:
    desk.issue("shown.internal")
    (entry,) = desk.find_certificates("shown.internal")
    serial = entry["serial"]
    coloned = ":".join(serial[at : at + 2] for at in range(0, len(serial), 2)).upper()
    for spelled in (serial, f"0x{serial}", coloned, str(int(serial, 16))):
        shown = desk.newel("certificates", "show", spelled, "--output", "json").stdout
        assert json.loads(shown) == entry
    said = desk.newel("certificates", "show", serial).stdout
    assert "Subject:" in said
    assert "shown.internal" in said
    missing = desk.newel("certificates", "show", "0badc0de", status=1)
    assert missing.stderr == "There is no such certificate.\n"
    missing = desk.newel("certificates", "show", "1234", status=1)
    assert missing.stderr == NEITHER


def test_an_endpoint_shows_its_lineage(desk: Desk) -> None:
    desk.issue("kept.internal")
    (first,) = desk.find_certificates("kept.internal")
    desk.newel("ca", "renew", "--force", "kept.internal.crt", "kept.internal.key")
    latest, oldest = desk.find_certificates("kept.internal", 2)
    assert oldest == first
    assert latest["endpoint"] == first["endpoint"]
    shown = desk.newel("endpoints", "show", first["endpoint"]).stdout
    lineage = [line.split() for line in shown.split("\n\n")[1].splitlines()[1:]]
    assert sorted(row[0] for row in lineage) == sorted([latest["serial"], first["serial"]])
    assert [row[4] for row in lineage if len(row) > 4] == [first["serial"]]
    (found,) = desk.entries("endpoints", "list", "--subject", "kept.internal")
    assert (found["id"], found["state"]) == (first["endpoint"], "active")


def test_an_export_is_all_of_it_as_one_file(desk: Desk) -> None:
    desk.issue("exported.internal")
    desk.find_certificates("exported.internal")
    desk.newel("certificates", "export", "all.csv")
    everything = (desk.home / "all.csv").read_bytes().decode()
    assert (desk.home / "all.csv").stat().st_mode & 0o777 == 0o600
    serials = {row["serial"] for row in csv.DictReader(io.StringIO(everything, newline=""))}
    assert serials == {
        each["serial"] for each in desk.entries("certificates", "list", "--limit", "0")
    }
    words = ("certificates", "export", "--format", "ndjson", "--subject", "exported.internal")
    (line,) = desk.newel(*words).stdout.splitlines()
    assert json.loads(line)["subject"] == "exported.internal"
    refused = desk.newel("certificates", "export", "all.csv", status=1)
    assert "error allocating terminal" in refused.stderr
    assert (desk.home / "all.csv").read_bytes().decode() == everything


def test_an_endpoint_is_revoked_with_all_it_holds(desk: Desk) -> None:
    desk.issue("lost.internal")
    desk.find_certificates("lost.internal")
    desk.newel("ca", "renew", "--force", "lost.internal.crt", "lost.internal.key")
    endpoint = desk.find_certificates("lost.internal", 2)[0]["endpoint"]
    words = ("revoke", "--endpoint", endpoint, "--reasonCode", "keyCompromise", *desk.provisioner)
    assert "error allocating terminal" in desk.newel(*words, status=1).stderr
    assert {each["state"] for each in desk.find_certificates("lost.internal", 2)} == {"active"}
    done = json.loads(desk.newel(*words, "--force", "--output", "json").stdout)
    assert len(done["revoked"]) == 2
    wait_until(
        lambda: (
            {each["state"] for each in desk.find_certificates("lost.internal", 2)} == {"revoked"}
        )
    )
    desk.newel("ca", "renew", "--force", "lost.internal.crt", "lost.internal.key", status=1)
    again = desk.newel(*words, "--force", status=1)
    assert again.stderr == f"endpoint {endpoint} has no active certificate\n"


def test_a_serial_and_a_certificate_are_revoked(desk: Desk) -> None:
    desk.issue("by-serial.internal")
    (entry,) = desk.find_certificates("by-serial.internal")
    desk.newel("revoke", "--serial", entry["serial"], *desk.provisioner)
    wait_until(lambda: desk.find_certificates("by-serial.internal")[0]["state"] == "revoked")
    desk.issue("by-key.internal")
    desk.find_certificates("by-key.internal")
    desk.newel("revoke", "--cert", "by-key.internal.crt", "--key", "by-key.internal.key")
    wait_until(lambda: desk.find_certificates("by-key.internal")[0]["state"] == "revoked")
    desk.issue("by-decimal.internal")
    (entry,) = desk.find_certificates("by-decimal.internal")
    desk.newel("revoke", "--serial", str(int(entry["serial"], 16)), *desk.provisioner)
    wait_until(lambda: desk.find_certificates("by-decimal.internal")[0]["state"] == "revoked")
    short = desk.newel("revoke", "--serial", "1234", *desk.provisioner, status=1)
    assert "'1234' can be hexadecimal or decimal" in short.stderr
    missing = desk.newel("revoke", "--serial", "12345678", *desk.provisioner, status=1)
    assert missing.stderr.endswith(NEITHER.replace("1234", "12345678"))
    both = desk.newel("revoke", "--serial", "1", "--endpoint", "x", status=1)
    assert both.stderr.startswith("one of flag --endpoint, --subject, --key, --provisioner, ")


def test_alerts_are_listed_and_one_shows_who_was_told(desk: Desk) -> None:
    """Two endpoints late at once, by the minute's backdate; and a receiver that is not there."""
    for name in ("one.late", "mended.late"):
        desk.issue(name, "--not-after", "5m")
        desk.find_certificates(name)
    words = ("alerts", "list", "--search", ".late")
    wait_until(lambda: len(desk.entries(*words, "--state", "open")) == 2)
    desk.newel("revoke", "--cert", "mended.late.crt", "--key", "mended.late.key")
    wait_until(lambda: len(desk.entries(*words, "--state", "resolved")) == 1)
    both = desk.entries(*words, "--sort", "opened")
    assert {each["subject"]: each["state"] for each in both} == {
        "one.late": "open",
        "mended.late": "resolved",
    }
    (late,) = desk.entries(*words, "--state", "open", "--opened-after=-10m")
    assert desk.entries("alerts", "list", "--serial", f"0x{late['serial']}") == [late]
    assert desk.entries("alerts", "list", "--opened-before=-10m") == []
    heading, row = desk.newel("alerts", "list", "--endpoint", late["endpoint"]).stdout.splitlines()
    assert heading.split() == [
        "ALERT", "STATE", "SEVERITY", "SUBJECT", "OPENED", "EXPIRES", "ACKNOWLEDGED", "SILENCED",
    ]  # fmt: skip # words in rows
    assert row.split()[:4] == [late["id"], "open", "warning", "one.late"]
    (cells,) = csv.DictReader(
        io.StringIO(desk.newel(*words, "--state", "open", "--output", "csv").stdout)
    )
    assert (cells["id"], cells["names"]) == (late["id"], "dns:one.late")

    def failed_alert() -> str | None:
        said = desk.newel("alerts", "show", late["id"]).stdout
        return said if "failed" in said else None

    facts, deliveries = wait_until(failed_alert).split("\n\n")
    assert "one.late" in facts
    assert deliveries.splitlines()[1].split()[:4] == ["unreachable", "opened", "failed", "1"]
    shown = json.loads(desk.newel("alerts", "show", late["id"], "--output", "json").stdout)
    assert {**shown, "deliveries": []} == {**late, "deliveries": []}
    assert len(shown["deliveries"]) == 1
    (failed,) = desk.entries("alerts", "deliveries", "--alert", late["id"])
    assert (failed["state"], failed["channel"]) == ("failed", "unreachable")
    said = desk.newel("alerts", "retry", failed["key"]).stdout
    assert said.startswith(f"{failed['key']} is sent again within seconds")
    said = desk.newel("alerts", "acknowledge", late["id"], "--note", "new host").stdout
    assert said == f"admin looks after {late['id']}.\n"
    assert "new host" in desk.newel("alerts", "show", late["id"]).stdout
    assert desk.entries(*words, "--acknowledged", "no", "--state", "open") == []
    missing = desk.newel("alerts", "show", "expiring-00", status=1)
    assert missing.stderr == "There is no such alert.\n"
    wrong = desk.newel("alerts", "list", "--sort", "issued", status=1)
    assert wrong.stderr.startswith("invalid value 'issued' for flag '--sort'; options are opened")


def test_alerts_are_silenced_until_an_end(desk: Desk) -> None:
    words = ("alerts", "silence", "--subject", "*.none", "--until", "2h", "--reason", "a test")
    made = json.loads(desk.newel(*words, "--output", "json").stdout)
    assert (made["state"], made["created_by"], made["reason"]) == ("active", "admin", "a test")
    assert [each["id"] for each in desk.entries("alerts", "silences", "--state", "active")] == [
        made["id"]
    ]
    heading, row = desk.newel("alerts", "silences").stdout.splitlines()
    assert heading.split()[:2] == ["SILENCE", "STATE"]
    assert "*.none" in row
    said = desk.newel("alerts", "unsilence", made["id"]).stdout
    assert said == f"The silence {made['id']} is over.\n"
    over = desk.newel("alerts", "unsilence", made["id"], status=1)
    assert over.stderr == "This silence is over already.\n"
    endless = desk.newel("alerts", "silence", "--kind", "*", status=1)
    assert endless.stderr == "flag '--until' is required: there is no silence without an end\n"
    nothing = desk.newel("alerts", "silence", "--until", "2h", status=1)
    assert "--kind '*' is all alerts" in nothing.stderr
    long = desk.newel("alerts", "silence", "--kind", "*", "--until", "9000h", status=1)
    assert long.stderr.startswith("A silence may last at most 30 days")


def test_a_channel_is_tried_and_what_is_wrong_is_said(desk: Desk) -> None:
    _, row = desk.newel("alerts", "channels").stdout.splitlines()
    assert row.split() == ["unreachable", "webhook"]
    failed = desk.newel("alerts", "test", "unreachable", status=1)
    assert failed.stderr.startswith("the channel unreachable does not work: no answer")
    unknown = desk.newel("alerts", "test", "nowhere", status=1)
    assert unknown.stderr == "There is no channel of this name; there are: unreachable.\n"


def test_nobody_but_an_administrator_reads_the_catalogue(desk: Desk) -> None:
    desk.issue("other.internal")
    words = (
        "endpoints",
        "list",
        "--admin-cert",
        "other.internal.crt",
        "--admin-key",
        "other.internal.key",
    )
    assert desk.newel(*words, status=1).stderr == "This certificate is not an administrator's.\n"
    unnamed = desk.newel("endpoints", "list", "--admin-cert=", "--admin-key=", status=1)
    assert unnamed.stderr == (
        "Show an administrator's client certificate.\nName one by --admin-cert and --admin-key.\n"
    )
    alone = desk.newel("endpoints", "list", "--admin-key=", status=1)
    assert alone.stderr == "flag '--admin-cert' requires the '--admin-key' flag\n"
    wrong = desk.newel("certificates", "list", "--state", "lost", status=1)
    assert wrong.stderr == "The parameter 'state' must be one of active, expired, revoked.\n"
    wrong = desk.newel("certificates", "list", "--sort", "name", status=1)
    assert wrong.stderr.startswith("invalid value 'name' for flag '--sort'; options are issued")
