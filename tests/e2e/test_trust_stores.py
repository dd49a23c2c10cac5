"""Trust stores: the system's in mounts of the test's own, Firefox's and Java's in a home directory."""

import re
import shutil
from pathlib import Path

import pytest

from fixtures.running import Authority
from fixtures.scenarios import Shell

OWN_MOUNTS = """
set -e
cp -a /etc/ssl own-ssl; mkdir own-certificates
mount --bind own-ssl /etc/ssl
mount --bind own-certificates /usr/local/share/ca-certificates
unset CURL_CA_BUNDLE SSL_CERT_FILE SSL_CERT_DIR
"""
"""The machine's own store stays as it is: see mount_namespaces(7)."""
CLEAR = "--no-password --insecure"


@pytest.fixture
def foo(tmp_path: Path) -> Shell:
    """A user with a root and a leaf below it."""
    shell = Shell(tmp_path, "ours")
    shell.type_line(
        f"step certificate create --profile root-ca {CLEAR} 'Example Root CA' root_ca.crt root.key"
    )
    shell.type_line(
        f"step certificate create {CLEAR} foo.internal foo.crt foo.key --ca root_ca.crt --ca-key root.key"
    )
    return shell


@pytest.mark.needs("private-mounts", "update-ca-certificates", "curl", "jq")
def test_the_root_into_the_systems_store(newel_authority: Authority, tmp_path: Path) -> None:
    foo = Shell(tmp_path, "ours", newel_authority).bootstrap()
    foo.type_line("step ca root root_ca.crt")
    curl = f"curl -s {newel_authority.url}/1.0/provisioners"
    store = Path("/usr/local/share/ca-certificates")
    before = sorted(store.iterdir())
    (foo.home / "walk.sh").write_text(
        f"{OWN_MOUNTS}"
        f"{curl} && exit 9\n"
        "step certificate install root_ca.crt\n"
        f"{curl} | jq -r '.provisioners[0].name'\n"
        f"ls {store}\n"
        "step certificate uninstall root_ca.crt\n"
        f"ls {store}\n"
        f"{curl} || echo unknown again\n"
    )
    out = foo.type_line("unshare --mount bash walk.sh")
    short = r"X\.509v3 Root CA Certificate \(ECDSA P-256\) \[Serial: \d+\.\.\.\d+\]\n(?:  .*\n)+"
    assert re.fullmatch(
        rf"Certificate root_ca\.crt has been installed\.\n{short}admin\n"
        rf"\S+_Root_CA_\d+\.crt\nCertificate root_ca\.crt has been removed\.\n{short}unknown again\n",
        out,
    ), out
    assert sorted(store.iterdir()) == before


@pytest.mark.needs("certutil")
def test_firefox_trusts_what_the_root_has_signed(foo: Shell) -> None:
    """NSS itself is asked whether the leaf is good for a server."""
    profile = foo.home / ".mozilla/firefox/abc.default"
    profile.mkdir(parents=True)
    database = f"certutil -d sql:{profile}"
    foo.type_line(f"{database} -N --empty-password; {database} -A -n leaf -t ,, -i foo.crt")
    verify = f"{database} -V -u V -n leaf"
    foo.type_line(verify, code=255)
    out = foo.type_line("step certificate install --firefox --no-system root_ca.crt")
    assert out.startswith("Certificate root_ca.crt has been installed.\n")
    assert re.search(r"Example Root CA \d+ +C,,", foo.type_line(f"{database} -L"))
    assert "certificate is valid" in foo.type_line(verify)
    foo.type_line("step certificate uninstall --firefox --no-system root_ca.crt")
    foo.type_line(verify, code=255)
    said = foo.read_messages("step certificate uninstall --firefox --no-system root_ca.crt", code=1)
    assert len(said.splitlines()) == 1


@pytest.mark.needs("keytool")
def test_javas_key_store_holds_the_root(foo: Shell) -> None:
    keytool = shutil.which("keytool")
    assert keytool is not None
    home = foo.home / "java"
    (home / "lib/security").mkdir(parents=True)
    (home / "bin").mkdir()
    (home / "bin/keytool").symlink_to(keytool)
    store = "-keystore java/lib/security/cacerts -storepass changeit"
    # a trust store that we write and Java reads too
    foo.type_line(
        "echo changeit > word; step certificate create --profile root-ca --no-password "
        "--insecure First first.crt first.key; step certificate p12 --legacy --ca first.crt "
        "--password-file word java/lib/security/cacerts"
    )
    java = Shell(foo.home, "ours", None, {"JAVA_HOME": str(home)})
    java.type_line("step certificate install --java --no-system --prefix walk- root_ca.crt")
    listed = java.type_line(f"keytool -list -rfc {store}")
    assert re.search(r"Alias name: walk-\d+\n", listed)
    assert foo.read("root_ca.crt").split()[2] in listed
    java.type_line("step certificate uninstall --java --no-system --prefix walk- root_ca.crt")
    listed = java.type_line(f"keytool -list {store}")
    assert "walk-" not in listed
    assert "cn=first - " in listed


def test_stores_that_are_not_there_are_named(foo: Shell) -> None:
    for flag, said in (("--java", "JAVA_HOME"), ("--firefox", "Firefox")):
        bare = Shell(foo.home, "ours", None, {"JAVA_HOME": ""})
        assert said in bare.read_messages(
            f"step certificate install {flag} --no-system root_ca.crt", code=1
        )
