"""A certificate or request in a few lines."""

from newel.cli.render.certificates.layout import join
from newel.crypto import der, oids
from newel.crypto.reader import extensions as values
from newel.crypto.reader import names, public_keys
from newel.crypto.reader.certificates import Certificate, Request

LONGEST = 8


def certificate_short(shown: Certificate) -> str:
    """Kind, key, serial, names, issuer, provisioner and validity."""
    serial = abbreviate(str(shown.serial))
    lines = [
        f"X.509v3 {kind(shown)} Certificate ({key_name(shown.spki)}) [Serial: {serial}]",
        *subjects(shown),
        f"  Issuer:      {names.common_name(shown.issuer)}",
    ]
    found = provisioner(shown)
    if found:
        identity = f" [ID: {abbreviate(found.credential)}]" if found.credential else ""
        lines.append(f"  Provisioner: {found.name}{identity}")
    lines += [
        f"  Valid from:  {shown.not_before:%Y-%m-%dT%H:%M:%SZ}",
        f"          to:  {shown.not_after:%Y-%m-%dT%H:%M:%SZ}",
    ]
    return join(lines)


def request_short(shown: Request) -> str:
    """Key and names."""
    title = f"X.509v3 Certificate Signing Request ({key_name(shown.spki)})"
    return join([title, *subjects(shown)])


def subjects(shown: Certificate | Request) -> list[str]:
    """Return the common name and the alternative names that differ from it, one to a line."""
    common = names.common_name(shown.subject)
    found = names.parse_general_names(shown.extension(oids.SUBJECT_ALT_NAME))
    others = [*found.dns, *found.addresses, *found.emails, *found.uris]
    listed = ([common] if common else []) + [name for name in others if name != common]
    if not listed:
        return ["  Subject: "]
    return [f"  Subject:     {listed[0]}", *(f"               {name}" for name in listed[1:])]


def kind(shown: Certificate) -> str:
    """Root CA, Intermediate CA or TLS. Only an authority's own signature is verified."""
    constraints = shown.extension(oids.BASIC_CONSTRAINTS)
    if constraints is None or not values.basic_constraints(constraints)[0]:
        return "TLS"
    return "Root CA" if is_root(shown) else "Intermediate CA"


def is_root(shown: Certificate) -> bool:
    """Say whether an authority's certificate is signed by its own key."""
    if shown.issuer != shown.subject:
        return False
    from newel.crypto.loading import is_der_issued_by

    return is_der_issued_by(shown.der, shown.der)


def key_name(spki: bytes) -> str:
    """Return a key as ``ECDSA P-256``, ``RSA 2048``, ``Ed25519 256``."""
    key = public_keys.parse_public_key(spki)
    bits = (key.bits + 7) // 8 * 8 if key.kind == "RSA" else key.bits
    return f"{key.kind or 'unknown'} {key.curve or bits or 'unknown'}"


def provisioner(shown: Certificate) -> values.Provisioner | None:
    """Return which provisioner let it be issued; None when it does not say."""
    value = shown.extension(oids.STEP_PROVISIONER)
    try:
        return values.provisioner(value) if value is not None else None
    except der.DERError:
        return None


def abbreviate(text: str) -> str:
    """Return the first and last four characters of a long text."""
    return text if len(text) <= LONGEST else f"{text[:4]}...{text[-4:]}"
