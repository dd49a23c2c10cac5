"""The subject and the names of a certification request against those that a provisioner grants."""

from collections.abc import Iterable, Sequence

from cryptography.hazmat.primitives.asymmetric import rsa

from newel.crypto.csr import VerifiedRequest
from newel.crypto.distinguished_names import COMMON_NAME
from newel.crypto.dns_names import InvalidNameError
from newel.crypto.names import GeneralName, parse_san
from newel.registration.errors import forbidden_error
from newel.registration.provisioners.grant import Grant, NameRule
from newel.step.fingerprint import confirmation

_MIN_RSA_BITS = 2048
_KINDS = (
    ("dns", "DNS names"),
    ("email", "email addresses"),
    ("ip", "IP addresses"),
    ("uri", "URIs"),
)


def check_request(request: VerifiedRequest, grant: Grant) -> None:
    """Check a verified request against a grant. Raises NewelError with the texts of step-ca.

    1. it is the one request the grant is for, if it is for one; 2. its common name; 3. its key;
    4. its names, kind by kind, by the grant's rule.
    """
    if grant.request_fingerprint and confirmation(request.der) != grant.request_fingerprint:
        raise forbidden_error("token does not match the certificate request (cnf)")
    common_name = next((each.value for each in request.subject if each.oid == COMMON_NAME), "")
    wanted = grant.common_names
    if common_name and wanted is not None and not _is_one_of(common_name, wanted):
        raise forbidden_error(
            "certificate request does not contain the valid common name"
            f" - got {common_name[:256]}, want {_list_common_names(wanted)}"
        )
    check_key(request)
    if request.names != grant.names and request.names:
        if grant.name_rule is NameRule.EXACT:
            _check_names(request.names, grant.names)
        elif grant.name_rule is NameRule.SUBSET:
            _check_subset(request.names, grant.names)


def _list_common_names(wanted: Sequence[str]) -> str:
    return wanted[0] if len(wanted) == 1 else f"[{' '.join(wanted)}]"


def _is_one_of(common_name: str, granted: Iterable[str]) -> bool:
    """Compare a common name with the granted ones in canonical form (case, A-labels, addresses)."""
    return common_name in granted or _canonical(common_name) in set(map(_canonical, granted))


def _canonical(text: str) -> str:
    try:
        return str(parse_san(text))
    except InvalidNameError:  # a common name may be any text
        return text


def check_key(request: VerifiedRequest) -> None:
    """Check the minimum for any key; the issuing authority checks the rest."""
    key = request.public_key
    if isinstance(key, rsa.RSAPublicKey) and key.key_size < _MIN_RSA_BITS:
        raise forbidden_error(
            f"certificate request RSA key must be at least {_MIN_RSA_BITS} bits"
            f" ({_MIN_RSA_BITS // 8} bytes)"
        )


def _check_names(requested: Iterable[GeneralName], granted: Iterable[GeneralName]) -> None:
    for kind, plural in _KINDS:
        got = [str(name) for name in requested if name.kind == kind]
        want = [str(name) for name in granted if name.kind == kind]
        if got and set(got) != set(want):
            raise forbidden_error(
                f"certificate request does not contain the valid {plural}"
                f" - got [{' '.join(got)}], want [{' '.join(want)}]"
            )


def _check_subset(requested: Iterable[GeneralName], granted: Iterable[GeneralName]) -> None:
    for kind, plural in _KINDS:
        got = [str(name) for name in requested if name.kind == kind]
        want = [str(name) for name in granted if name.kind == kind]
        if set(got) <= set(want):
            continue
        listed = f"got [{' '.join(got)}]"
        if kind == "dns":
            raise forbidden_error(
                f"certificate request contains unauthorized {plural}"
                f" - {listed}, allowed [{' '.join(want)}]"
            )
        raise forbidden_error(
            f"certificate request does not contain the valid {plural}"
            f" - {listed}, want [{' '.join(want)}]"
        )
