"""Which public keys may belong to an ACME account (RFC 8555 §6.2)."""

from cryptography.hazmat.primitives.asymmetric import rsa

from newel.acme.problems import ACMEError, ErrorCode
from newel.crypto.keys import PublicKey
from newel.jose import jwk
from newel.jose.errors import JOSEError, MalformedError

RSA_BITS = range(2048, 8193)
RSA_EXPONENTS = range(65537, 1 << 32)


def read_public_key(key: jwk.JWK) -> PublicKey:
    """Return the key that a client sent.

    Raises ``badPublicKey`` for kinds, curves, sizes and points that are not acceptable and for
    private keys, ``malformed`` for members that are missing or not base64url.
    """
    if key.is_private:
        raise ACMEError(ErrorCode.BAD_PUBLIC_KEY, "the jwk holds a private or symmetric key")
    try:
        public = jwk.to_public_key(key)
    except MalformedError as error:
        raise ACMEError(ErrorCode.MALFORMED, str(error)) from error
    except JOSEError as error:
        raise ACMEError(ErrorCode.BAD_PUBLIC_KEY, str(error)) from error
    if isinstance(public, rsa.RSAPublicKey):
        if public.key_size not in RSA_BITS:
            raise ACMEError(ErrorCode.BAD_PUBLIC_KEY, "RSA keys have 2048 to 8192 bits here")
        if public.public_numbers().e not in RSA_EXPONENTS:
            raise ACMEError(ErrorCode.BAD_PUBLIC_KEY, "the RSA exponent is not acceptable")
    return public
