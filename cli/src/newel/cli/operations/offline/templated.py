"""Certificates by a provisioner's template, made without the running authority."""

import base64
import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from newel.certtemplates import variables
from newel.certtemplates.leaves import leaf
from newel.certtemplates.options import template_options
from newel.cli.errors import CliError
from newel.cli.operations.certificates import builder, templated
from newel.cli.operations.tokens.provisioner_choice import extension_of
from newel.cli.store import steppath
from newel.cli.store.files import read
from newel.crypto import keys
from newel.crypto.der import DERError
from newel.crypto.dns_names import InvalidNameError
from newel.crypto.extensions import Extension
from newel.step import extension

if TYPE_CHECKING:
    import datetime as dt

    from cryptography import x509

    from newel.cli.operations.tokens.provisioner_choice import Provisioner
    from newel.crypto.keys import PrivateKey, PublicKey


def issue(
    template_data: dict[str, Any],
    provisioner: "Provisioner",
    token: str,
    public: "PublicKey",
    names: tuple[str, Sequence[str]],
    times: "tuple[dt.datetime, dt.datetime]",
    issuer: "tuple[x509.Certificate, PrivateKey]",
) -> bytes | None:
    """Return the certificate in DER; None for a provisioner without a template. Raises CliError.

    ``names`` are the subject and the alternative names that the token vouches for. As with the running
    authority, nothing but a leaf comes of a template.
    """
    try:
        options = template_options(provisioner.get("options"))
        if options is None:
            return None
        source = options.text or read(str(steppath.base() / options.file)).decode()
        spki = keys.spki(public)
        data = templated.visible(template_data, *names, spki, named=True)
        data.update({name: value for name, value in options.data.items() if name != "Insecure"})
        data["Token"] = variables.numbers_as_go(claims_of(token))
        fields = templated.render(source, data)
        leaf(fields)
    except (ValueError, DERError, InvalidNameError) as error:
        raise CliError(f"error applying certificate template: {error}") from None
    wanted = templated.build(fields, spki, times)
    own = Extension(extension.OID, False, extension_of(provisioner))
    given = [each for each in wanted.given if each.oid != own.oid]
    return builder.issue(wanted._replace(given=(*given, own)), issuer_of(*issuer))


def claims_of(token: str) -> dict[str, Any]:
    """Return the claims of a token that this process made."""
    payload = token.split(".")[1]
    return json.loads(base64.urlsafe_b64decode(f"{payload}=="))


def issuer_of(certificate: "x509.Certificate", key: "PrivateKey") -> builder.Issuer:
    """Return the authority that signs."""
    from newel.crypto.certificate import issuer_key_identifier

    return builder.Issuer(
        certificate.subject.public_bytes(), issuer_key_identifier(certificate), key
    )
