"""Claims that were changed octet by octet are read or refused, and never anything else."""

import json

from hypothesis import given, settings
from hypothesis import strategies as st

from newel.registration.provisioners.k8ssa_claims import read_account
from newel.registration.provisioners.oidc_identity import alternative_names, read_identity
from newel.runtime.errors import ErrorType, NewelError
from newel.step.provisioners import OIDCProvisionerConfig
from newel.step.tokens import Claims, Header, Token

RECORD = OIDCProvisionerConfig(
    name="people", client_id="c", domains=["example.com"], groups=["eng"], admins=["ops"]
)
PERSON = json.dumps(
    {"sub": "248289761001", "email": "mike@example.com", "email_verified": True, "groups": ["eng"]}
).encode()
POD = json.dumps({
    "sub": "system:serviceaccount:payments:api",
    "kubernetes.io": {
        "namespace": "payments", "serviceaccount": {"name": "api", "uid": "u"},
        "pod": {"name": "p", "uid": "q"},
    },
}).encode()  # fmt: skip # a table
ALLOWED = {ErrorType.UNAUTHORIZED, ErrorType.FORBIDDEN}


def change(message: bytes, place: int, octets: bytes) -> bytes:
    place %= len(message)
    return message[:place] + octets + message[place + len(octets) :]


@settings(deadline=None)
@given(st.integers(0, 1000), st.binary(min_size=1, max_size=6))
def test_changed_claims_of_a_person(place: int, octets: bytes) -> None:
    token = Token(Claims(sub="248289761001"), Header("ES256"), change(PERSON, place, octets), b"")
    try:
        identity = read_identity(token, RECORD)
        names = [str(each) for each in alternative_names(identity, "https://idp.example")]
    except NewelError as error:
        assert error.type in ALLOWED  # noqa: PT017 - the type is what is tested
    else:
        assert not identity.is_admin
        assert names[0].endswith("@example.com")


@settings(deadline=None)
@given(st.text(min_size=1, max_size=300), st.sampled_from(["https://idp.example", "x:", "a b:c"]))
def test_any_subject_is_one_name_or_refused(subject: str, issuer: str) -> None:
    token = Token(Claims(sub=subject), Header("ES256"), b"{}", b"")
    record = OIDCProvisionerConfig(name="people", client_id="c")
    try:
        names = alternative_names(read_identity(token, record), issuer)
    except NewelError as error:
        assert error.type in ALLOWED  # noqa: PT017 - the type is what is tested
    else:
        assert [each.kind for each in names] == ["uri"]


@settings(deadline=None)
@given(st.integers(0, 1000), st.binary(min_size=1, max_size=6))
def test_changed_claims_of_a_pod(place: int, octets: bytes) -> None:
    subject = "system:serviceaccount:payments:api"
    try:
        account = read_account(change(POD, place, octets), subject, is_bound=True)
    except NewelError as error:
        assert error.type in ALLOWED  # noqa: PT017 - the type is what is tested
    else:
        assert account.serviceaccount.name == "api"
