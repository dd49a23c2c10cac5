"""The provisioner extension, against octets step-ca made."""

import pytest

from newel.step.extension import ProvisionerExtension, ProvisionerType

ADMIN = bytes.fromhex(
    "3037020101040561646d696e042b4b566d3169634d516f6b384a436859383548513274673763655450363138"
    "396f525a74615a496d54496873"
)


def test_octets_are_those_of_step_ca() -> None:
    kid = "KVm1icMQok8JChY85HQ2tg7ceTP6189oRZtaZImTIhs"
    extension = ProvisionerExtension(ProvisionerType.JWK, "admin", kid)
    assert extension.encode() == ADMIN
    assert ProvisionerExtension.decode(ADMIN) == extension


def test_key_values_are_printable_or_utf8_by_content() -> None:
    pairs = (("InstanceID", "i-123"), ("Name", "caf\u00e9 @ home"))
    extension = ProvisionerExtension(ProvisionerType.AWS, "x" * 300, "", pairs)
    der = extension.encode()
    assert ProvisionerExtension.decode(der) == extension
    assert b"\x13\x0aInstanceID" in der
    assert b"\x0c\x04Name" not in der
    assert b"\x0c\x0ccaf\xc3\xa9 @ home" in der


@pytest.mark.parametrize(
    "der",
    [
        b"",
        b"\x30",
        ADMIN[:-1],
        ADMIN + b"\0",
        b"\x30\x84\xff\xff\xff\xff",
        b"\x31" + ADMIN[1:],
        b"\x30\x81\x05\x02\x01\x01\x04\x00",
        b"\x30\x07\x02\x01\x63\x04\x00\x04\x00",
    ],
)
def test_anything_but_strict_der_is_refused(der: bytes) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - the enum words an unknown number
        ProvisionerExtension.decode(der)
