"""What a TPM itself makes is read and verified: swtpm certifies a key for a challenge."""

import datetime as dt
import hashlib
from pathlib import Path

import pytest

from fixtures.attestations import Maker, encode_object
from fixtures.library_certificates import stand_in_key
from fixtures.software_tpm import RESTRICTED, SIGNING, SoftwareTPM
from newel.acme.attestation import formats, objects, tpm_structures
from newel.acme.attestation.errors import AttestationError
from newel.acme.attestation.proof import AttestationProof

pytestmark = pytest.mark.needs("swtpm")

NOW = dt.datetime(2030, 1, 1, tzinfo=dt.UTC)
MAKER = Maker(NOW)
AUTHORIZATION = "token.thumbprint"


def certify(folder: Path, attributes: int) -> tuple[bytes, AttestationProof]:
    """Verify what a TPM says of a key with these attributes; return its public area as well."""
    digest = hashlib.sha256(AUTHORIZATION.encode()).digest()
    with SoftwareTPM(folder) as tpm:
        attestation_key, encoded = tpm.make_key(RESTRICTED)
        key, public = tpm.make_key(attributes)
        information, signature = tpm.certify(key, attestation_key, digest)
    signer = tpm_structures.parse_public(encoded).key
    statement = {
        "ver": "2.0",
        "alg": -7,
        "x5c": [MAKER.certify_attestation_key(stand_in_key(signer), "4711")],
        "sig": signature,
        "certInfo": information,
        "pubArea": public,
    }
    found = formats.verify(
        objects.parse_object(encode_object("tpm", statement)),
        [MAKER.root],
        token="token",
        authorization=AUTHORIZATION,
        now=NOW,
    )
    return public, found


def test_a_key_of_a_tpm_is_attested(tmp_path: Path) -> None:
    public, found = certify(tmp_path, SIGNING)
    assert found.key == tpm_structures.parse_public(public).key
    assert found.identifiers == ("4711",)


@pytest.mark.attack("A18")
def test_a_restricted_key_of_a_tpm_is_refused(tmp_path: Path) -> None:
    with pytest.raises(AttestationError, match="cannot sign"):
        certify(tmp_path, RESTRICTED)
