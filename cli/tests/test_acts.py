"""Acts that are about many things count what was typed, and nothing that is saved or empty."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, cast

import pytest

from newel.cli.commands import revoke
from newel.cli.commands.alerts import silence
from newel.cli.errors import UsageError
from newel.cli.operations.inventory import layouts
from newel.cli.options.grammar import find
from newel.cli.options.invocation import Invocation

if TYPE_CHECKING:
    from newel.cli.options.records.alerts import AlertsSilenceOptions
    from newel.cli.options.records.revoke import RevokeOptions


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """What is saved would narrow a silence, and choose and widen a revocation."""
    saved = {
        "provisioner": "web",
        "kind": "expiring",
        "endpoint": "c-1",
        "include-expired": True,
        "issued-between": "-1h",
    }
    (tmp_path / "config").mkdir()
    (tmp_path / "config/defaults.json").write_text(json.dumps(saved))
    monkeypatch.setenv("STEPPATH", str(tmp_path))
    return tmp_path


def call(*words: str) -> Invocation:
    command, rest = find([*words])
    assert command is not None
    return Invocation(command, rest)


def read_silence(*words: str) -> dict[str, str]:
    found = call("alerts", "silence", "--until", "2h", *words)
    return silence.read_silence(cast("AlertsSilenceOptions", found))


def test_a_silence_is_about_what_was_typed() -> None:
    assert call("ca", "token").get("provisioner") == "web", "this would be read otherwise"
    found = read_silence("--subject", "*.internal")
    del found["ends_at"]
    assert found == {"subject": "*.internal"}
    with pytest.raises(UsageError, match="is all alerts"):
        read_silence()


def test_an_empty_pattern_of_a_silence_is_refused_because_the_silence_would_be_wider() -> None:
    with pytest.raises(UsageError, match="'--provisioner' is empty"):
        read_silence("--kind", "expiring", "--provisioner", "")


@pytest.mark.parametrize("flag", ["provisioner", "endpoint", "key", "issued-between"])
def test_a_revocation_of_an_empty_name_is_refused_because_it_would_select_everything(
    flag: str,
) -> None:
    options = cast("RevokeOptions", call("revoke", f"--{flag}", "", "--dry-run"))
    assert revoke.is_selection(options)
    with pytest.raises(UsageError, match=f"'--{flag}' is empty"):
        revoke.read_selection(options)


def test_a_revocation_without_the_end_of_its_time_is_refused() -> None:
    options = cast("RevokeOptions", call("revoke", "--issued-between", "-1h", ""))
    with pytest.raises(UsageError, match="say when the selection ends"):
        revoke.read_selection(options)


@pytest.mark.parametrize("times", [("-1h", "now"), ("yesterday", "-1h")])
def test_a_time_that_is_none_is_told_of_by_the_flag_that_was_typed(times: tuple[str, str]) -> None:
    options = cast("RevokeOptions", call("revoke", "--issued-between", *times))
    with pytest.raises(UsageError, match="for flag '--issued-between'"):
        revoke.read_selection(options)


def test_a_number_is_shown_without_an_exponent() -> None:
    assert [*map(layouts.plain, (0.00001, 12.5, 3.0, 0.0))] == ["0.00001", "12.5", "3", "0"]


def test_a_revocation_is_of_what_was_typed() -> None:
    options = cast("RevokeOptions", call("revoke", "--provisioner", "ops"))
    assert revoke.read_selection(options).filters == {"provisioner": "ops", "state": "active"}


def test_a_key_that_no_certificate_could_be_revoked_on_is_not_called_compromised_in_silence() -> (
    None
):
    options = cast("RevokeOptions", call("revoke", "--key", "leaked.pem"))
    selection = revoke.read_selection(options)
    assert "not declared compromised" in revoke.explain_nothing(selection, 1).hint
    assert revoke.explain_nothing(selection, 4).hint == ""
    other = cast("RevokeOptions", call("revoke", "--provisioner", "ops"))
    assert revoke.explain_nothing(revoke.read_selection(other), 1).hint == ""


@pytest.mark.parametrize(
    ("words", "name"),
    [
        ("revoke", "force"),
        ("revoke", "include-expired"),
        ("revoke", "reasonCode"),
        ("logout", "force"),
        ("logout", "all"),
        ("ca acme account deactivate", "force"),
        ("alerts silence", "provisioner"),
        ("certificates list", "provisioner"),
        ("certificates export", "state"),
        ("endpoints list", "search"),
        ("alerts list", "owner"),
        ("alerts deliveries", "channel"),
        ("metadata list", "kind"),
        ("metering", "month"),
    ],
)
def test_what_destroys_or_leaves_entries_out_is_typed_and_no_habit(
    words: str, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "config/defaults.json").write_text(json.dumps({name: "true"}))
    monkeypatch.setenv("STEP_" + name.upper().replace("-", "_"), "true")
    made = call(*words.split())
    assert made.all(name) == []
    assert not made.is_settled(name)
    assert call(*words.split(), f"--{name}=true").all(name) == ["true"]
    with pytest.raises(UsageError, match=f"'--{name}' is empty"):
        call(*words.split(), f"--{name}=").all(name)
