"""Attributes that subjects get which have none of the kind, as ``authority.template`` of ca.json says."""

from pathlib import Path

import pytest
from cryptography import x509

from fixtures.authority import make_authority
from fixtures.registration import JwkKey, open_registration
from newel.crypto import keys
from newel.registration.config import Config

DEFAULTS = {"country": "DE", "organization": "Lab", "commonName": "unnamed", "serialNumber": "7"}
TEMPLATE = '{"subject": {"organization": "Own", "givenName": "G"}, "sans": {{ toJson .SANs }}}'


@pytest.mark.parametrize(
    ("options", "subject"),
    [
        (None, "C=DE,O=Lab,CN=a.test,2.5.4.5=7"),
        ({"x509": {"template": TEMPLATE}}, "C=DE,O=Own,CN=unnamed,2.5.4.5=7"),
    ],
)
async def test_what_a_subject_lacks_is_filled_in_after_the_template(
    tmp_path: Path, options: object, subject: str
) -> None:
    admin = JwkKey("admin", keys.generate())
    records = (admin.record(**({"options": options} if options else {})),)
    ra = await open_registration(
        f"sqlite:///{tmp_path}/ra.db", make_authority(tmp_path), admin=admin, provisioners=records,
        subject=DEFAULTS,
    )  # fmt: skip # one call
    certificate, _ = await ra.certificate("a.test")
    rdns = [x509.Name([each]).rfc4514_string() for each in certificate.subject]
    assert ",".join(rdns) == subject
    await ra.database.close()


@pytest.mark.parametrize(
    ("defaults", "why"),
    [
        ({"country": "Germany"}, r"subject\.country: C must have"),
        (
            {"organisation": "Lab"},
            r"subject\.organisation: unknown member; did you mean 'organization'",
        ),
        ({"locality": "a\x07"}, r"subject\.locality: "),
    ],
)
def test_an_attribute_that_no_subject_can_have_is_refused_at_start(
    defaults: dict[str, str], why: str
) -> None:
    with pytest.raises(ValueError, match=why):
        Config(subject=defaults)
