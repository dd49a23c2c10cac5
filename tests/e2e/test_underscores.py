"""Names with underscores: the operator's own always, others where a provisioner lets them."""

import json
import ssl
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509

from fixtures.processes import free_port
from fixtures.running import Authority, serve_newel

TEMPLATE = (
    '{"subject": {{ toJson .Subject }}, "sans": {{ toJson .SANs }},'
    ' "dnsNames": {{ toJson .Insecure.User.names }},'
    ' "keyUsage": ["digitalSignature"], "extKeyUsage": ["serverAuth", "clientAuth"]}'
)
pytestmark = pytest.mark.needs("step")


def dns_names(certificate: x509.Certificate) -> list[str]:
    found = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    return found.get_values_for_type(x509.DNSName)


def ask(authority: Authority, folder: Path, name: str, provisioner: str, *more: str) -> Any:
    return authority.step(
        "ca", "certificate", name, str(folder / "x.crt"), str(folder / "x.key"), "--force", "--provisioner",
        provisioner, "--provisioner-password-file", str(authority.password_file), *more,
    )  # fmt: skip # a command line


def test_underscores_are_for_the_operator_s_own_names_and_where_a_provisioner_lets_them(
    tmp_path: Path,
) -> None:
    state, ports = tmp_path / "state", (free_port(), free_port())
    with serve_newel(state, *ports):
        pass
    file = state / "config/ca.json"
    ca = json.loads(file.read_text())
    ca["dnsNames"] = ["localhost", "ca_internal", "[::1]", "CA.Lab"]
    admin = ca["authority"]["provisioners"][0]
    ca["authority"]["provisioners"] += [
        admin | {"name": "lax", "newel": {"allowUnderscores": True}},
        admin
        | {
            "name": "asked",
            "newel": {"allowUnderscores": True},
            "options": {"x509": {"template": TEMPLATE}},
        },
    ]
    file.write_text(json.dumps(ca))
    with serve_newel(state, *ports) as (authority, _):
        shown = ssl.get_server_certificate(("127.0.0.1", ports[0]))
        own = x509.load_pem_x509_certificate(shown.encode())
        assert dns_names(own) == ["localhost", "ca_internal", "ca.lab"]
        refused = ask(authority, tmp_path, "db_1.lab", "admin")
        assert "the name has an underscore: 'db_1.lab'" in refused.stderr
        issued = ask(authority, tmp_path, "db_1.lab", "lax")
        assert issued.returncode == 0, issued.stderr
        leaf = x509.load_pem_x509_certificate((tmp_path / "x.crt").read_bytes())
        assert dns_names(leaf) == ["db_1.lab"]
        renewed = authority.step(
            "ca", "renew", str(tmp_path / "x.crt"), str(tmp_path / "x.key"), "--force"
        )
        assert renewed.returncode == 0, renewed.stderr
        assert dns_names(x509.load_pem_x509_certificate((tmp_path / "x.crt").read_bytes())) == [
            "db_1.lab"
        ]
        for names, good in (('["db_1.lab"]', True), ('["evil_1.lab"]', False)):
            done = ask(authority, tmp_path, "db_1.lab", "asked", "--set", f"names={names}")
            assert (done.returncode == 0) == good, done.stderr


@pytest.mark.parametrize("name", ["not a name", "", "a..b", "[::1", "-x.lab"])
def test_a_name_of_the_server_that_is_none_is_told_with_its_place(
    tmp_path: Path, name: str
) -> None:
    from newel.runtime.config import ConfigError
    from newel.standalone.layout import Layout
    from newel.standalone.settings import read_settings

    layout = Layout(tmp_path)
    layout.ca_json.parent.mkdir()
    ca = {"root": "r", "crt": "c", "key": "k", "address": ":9", "dnsNames": ["localhost", name]}
    layout.ca_json.write_text(json.dumps(ca | {"authority": {"provisioners": []}}))
    with pytest.raises(ConfigError, match=r"ca\.json: dnsNames\[1\]: "):
        read_settings(layout)
