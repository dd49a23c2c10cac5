"""`newel sign`: a signature over a file, as a JWS (RFC 7515) that brings the signer's certificate."""

import base64
from typing import TYPE_CHECKING, Any

from newel.cli.errors import CliError
from newel.cli.jose import jose_key, jose_keys, jwk_files, jws_messages
from newel.cli.operations.keys import kms, signing_keys
from newel.cli.options import output
from newel.cli.store.files import read

if TYPE_CHECKING:
    from newel.cli.options.records.sign import SignOptions
    from newel.crypto.keys import PrivateKey


def run(options: "SignOptions") -> None:
    """Sign a file or stdin; the content stays apart from its signature unless --attached."""
    names = options.positionals(0, 1)
    key = load_key(options)
    private = jose_keys.for_signing(key)
    if isinstance(private, bytes):
        raise CliError("a shared key proves no signer: a key that verifies also signs")
    certificate = options.cert
    header = of_certificate(certificate, private) if certificate else {"kid": key.kid}
    content = read(names[0] if names else "-", exact=True)
    message = jws_messages.parse(jws_messages.sign(header, content, key))
    if not options.attached:
        message = message.detach()
    output.deliver(options, output.line(message.full if options.json else message.compact))


def load_key(options: "SignOptions") -> jose_key.JOSEKey:
    """Load the key of --key, which is in a file or, by its URI, in a token or key service."""
    name, service = options.require("key"), options.kms
    wanted = jose_keys.KeyRequest("sig", options.algorithm or "")
    if not service and not kms.is_uri(name):
        return jose_keys.read(name, wanted, options.password_file)
    key = signing_keys.signing_key(name, service=service)
    jwk = jwk_files.of_key(key.public_key())
    jwk["kid"] = jwk_files.thumbprint(jwk)
    return jose_keys.with_algorithm(key, jwk, "the key", wanted)


def of_certificate(name: str, key: "PrivateKey") -> dict[str, Any]:
    """Return the x5c header: a chain that is valid, for signing, and the key's. Raises CliError."""
    from newel.cli.operations.certificates import sources, vouched
    from newel.cli.operations.tokens.one_time_tokens import check_pair
    from newel.client.clock import now

    chain = sources.from_file(name)
    check_pair(chain[0].der, key, name, "of '--key'")
    vouched.check(chain, None, now(), f"the certificate {name}")
    vouched.check_may_sign(chain[0], f"the certificate {name}")
    return {"x5c": [base64.b64encode(one.der).decode() for one in chain]}
