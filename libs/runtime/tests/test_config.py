"""Configuration that is wrong says where, and never shows a value."""

from pathlib import Path

import pytest

from newel.runtime.config import Config, ConfigError, load_toml, read_secret


class Inner(Config):
    port: int


class Outer(Config):
    name: str
    inner: Inner


def test_a_file_becomes_a_frozen_model(tmp_path: Path) -> None:
    file = tmp_path / "a.toml"
    file.write_text('name = "x"\n[inner]\nport = 1\n')
    config = load_toml(file, Outer)
    assert (config.name, config.inner.port) == ("x", 1)
    with pytest.raises(ValueError, match="frozen"):
        config.name = "y"  # pyright: ignore[reportAttributeAccessIssue]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ('name = "x"\n[inner]\nport = "secret"\n', "inner.port"),
        ('name = "x"\nother = 1\n[inner]\nport = 1\n', "other: unknown setting"),
        ('nmae = "x"\n', "nmae: unknown setting; did you mean 'name'?"),
        ('name = "x"\n[inner]\nprot = 1\n', "inner.prot: unknown setting; did you mean 'port'?"),
        ("name = ", "a.toml"),
        ("", "name: missing; inner: missing"),
    ],
)
def test_what_is_wrong_is_named_without_its_value(tmp_path: Path, text: str, says: str) -> None:
    file = tmp_path / "a.toml"
    file.write_text(text)
    with pytest.raises(ConfigError) as caught:
        load_toml(file, Outer)
    assert says in str(caught.value)
    assert "secret" not in str(caught.value)


def test_a_missing_file_is_one_clear_line(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"a\.toml: no such file or directory"):
        load_toml(tmp_path / "a.toml", Outer)


def test_a_secret_everybody_can_read_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "pin"
    file.write_text("1234\n")
    file.chmod(0o640)
    assert read_secret(file) == "1234"
    file.chmod(0o644)
    with pytest.raises(ConfigError, match="others may read this secret"):
        read_secret(file)
