"""URIs of keys as the step programs write them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newel.signer.key_uris import MAX_URI_LENGTH, KeyURIError, parse_key_uri, scheme_of

VERSION = "projects/p/locations/l/keyRings/r/cryptoKeys/k/cryptoKeyVersions/1"


@pytest.mark.parametrize(
    ("uris", "settings"),
    [
        (
            ["awskms:key-id=alias/ca;region=eu-central-1"],
            {"kind": "awskms", "key_id": "alias/ca", "region": "eu-central-1"},
        ),
        (
            ["awskms:region=r;profile=p", "AWSKMS:key-id=arn%3Aaws"],
            {"kind": "awskms", "region": "r", "profile": "p", "key_id": "arn:aws"},
        ),
        (
            ["awskms:region=one", "awskms:key-id=k?region=two"],
            {"kind": "awskms", "key_id": "k", "region": "two"},
        ),
        ([f"cloudkms:{VERSION}"], {"kind": "cloudkms", "key": VERSION}),
        (
            [f"cloudkms:resource={VERSION}?credentials-file=/etc/a"],
            {"kind": "cloudkms", "key": VERSION, "credentials_file": "/etc/a"},
        ),
        (
            ["azurekms:environment=AzureUSGovernmentCloud", "azurekms:name=n;vault=v?hsm=true"],
            {"kind": "azurekms", "environment": "usgov", "name": "n", "vault": "v", "hsm": "true"},
        ),
        (
            ["pkcs11:token=lab%20one;type=private", "pkcs11:id=%00a;object=k?pin-source=file:/p"],
            {"kind": "pkcs11", "token": "lab one", "id": b"\0a", "label": "k", "pin_file": "/p"},
        ),
        (
            ["pkcs11:module-path=/m;id=0aff?pin-value=a%3Bb&max-sessions=2"],
            {"kind": "pkcs11", "module": "/m", "id": b"\n\xff", "pin": "a;b", "sessions": "2"},
        ),
    ],
)
def test_a_uri_is_read_as_the_settings_of_a_store(
    uris: list[str], settings: dict[str, object]
) -> None:
    assert parse_key_uri(*uris) == settings


@pytest.mark.parametrize(
    ("uris", "reason"),
    [
        (["tpmkms:name=ca"], "'tpmkms' store; supported are"),
        (["/a/path"], "'' store"),
        (["awskms:key-id=1", "cloudkms:x"], "different services"),
        (["pkcs11:id=xyz"], "neither percent-encoded nor hex"),
        (["pkcs11:type=public"], "'type' is no attribute of pkcs11"),
        (["awskms:key=1"], "'key' is no attribute of awskms: URIs; they are key-id"),
        (["azurekms:name=n;vault=v;client-secret=hunter2"], "client-secret: a secret"),
        (["awskms:key-id=" + "a" * MAX_URI_LENGTH], "at most 4096"),
    ],
)
def test_a_uri_that_cannot_be_read_is_refused_with_its_fault(uris: list[str], reason: str) -> None:
    with pytest.raises(KeyURIError, match=reason) as refused:
        parse_key_uri(*uris)
    assert "hunter2" not in str(refused.value)


@given(st.text(max_size=200), st.sampled_from(["awskms", "azurekms", "cloudkms", "pkcs11", ""]))
def test_any_text_is_read_or_refused(text: str, scheme: str) -> None:
    uri = f"{scheme}:{text}"
    try:
        settings = parse_key_uri(uri)
    except KeyURIError:
        return
    assert settings["kind"] == scheme_of(uri)
