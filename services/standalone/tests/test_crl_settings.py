"""Shards of the revocation list: what ca.json says once reaches both authorities."""

import json
from pathlib import Path
from typing import Any

import pytest

from newel.runtime.config import ConfigError
from newel.standalone import models
from newel.standalone.layout import Layout
from newel.standalone.settings import Settings, read_settings

SHARDS: dict[str, Any] = {"issuing": {"urls": {"crlShards": 16}}}


def read(folder: Path, newel: dict[str, Any], **members: Any) -> Settings:
    layout = Layout(folder)
    layout.ca_json.parent.mkdir()
    ca = {
        "root": "r.crt",
        "crt": "i.crt",
        "key": "i.key",
        "address": ":9000",
        "insecureAddress": ":9080",
        "dnsNames": ["ca.test"],
        "authority": {"provisioners": []},
        "newel": newel,
        **members,
    }
    layout.ca_json.write_text(json.dumps(ca))
    settings = read_settings(layout)
    models.check(settings)
    return settings


def test_the_shards_that_certificates_name_are_those_that_are_published(tmp_path: Path) -> None:
    settings = read(tmp_path, SHARDS)
    urls, crl = models.configure_issuing(settings).urls, models.configure_validation(settings).crl
    assert urls.crl == "http://ca.test:9080/crl/{issuer}/{shard}.crl"
    assert (urls.crl_shards, crl.shards) == (16, (16,))
    assert urls.crl.startswith(f"{crl.url}/")


def test_a_former_division_is_published_beside_the_new_one(tmp_path: Path) -> None:
    settings = read(tmp_path, SHARDS | {"validation": {"crl": {"shards": [16, 4]}}})
    assert models.configure_validation(settings).crl.shards == (16, 4)


def test_without_the_setting_certificates_name_the_complete_list(tmp_path: Path) -> None:
    settings = read(tmp_path, {"validation": {"crl": {"deltas": True}}})
    assert models.configure_issuing(settings).urls.crl == "http://ca.test:9080/crl/{issuer}.crl"
    assert models.configure_validation(settings).crl.deltas


@pytest.mark.parametrize(
    ("newel", "members", "reason"),
    [
        (SHARDS | {"validation": {"crl": {"shards": [4]}}}, {}, "16 .*not published"),
        (SHARDS, {"crl": {"idpURL": "http://crl.test/a.crl"}}, "idpURL names one list"),
        (SHARDS, {"insecureAddress": ""}, "no lists that certificates could name"),
        ({"issuing": {"urls": {"crlShards": 5}}}, {}, "5 is none of"),
    ],
)
def test_shards_that_nobody_would_find_are_refused(
    tmp_path: Path, newel: dict[str, Any], members: dict[str, Any], reason: str
) -> None:
    with pytest.raises(ConfigError, match=reason):
        read(tmp_path, newel, **members)
