"""The signer of an issuer's OCSP responses: a delegated responder (RFC 6960 §4.2.2.2), or the issuer."""

import logging
from dataclasses import dataclass

from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID

from newel.crypto import certificate, certificate_files, keys, loading
from newel.crypto.authority_chain import own_certificate
from newel.crypto.lint import ResponseLinter
from newel.crypto.ocsp import ResponseEncoder
from newel.validation.config import IssuerConfig

_log = logging.getLogger("newel.validation.delegation")


class UnusableResponderError(Exception):
    """No key may sign OCSP responses for the issuer now; the text says why."""


@dataclass(frozen=True, slots=True)
class ResponderKey:
    """A key that may sign an issuer's OCSP responses, and its certificate's parts."""

    key: str  # the signer's name for the key
    public_key: keys.PublicKey
    not_before: int  # seconds since 1970
    not_after: int
    encoder: ResponseEncoder
    linter: ResponseLinter


class Delegation:
    """The responder of one issuer.

    Its certificate is read again from time to time, so that it can be replaced without a restart.
    """

    def __init__(
        self, config: IssuerConfig, issuer: x509.Certificate, *, extended_revoke: bool = False
    ) -> None:
        self._config = config
        self._extended_revoke = extended_revoke
        self._issuer = issuer
        self._responder: ResponderKey | None = None
        self._fault = ""
        self.refresh()

    def refresh(self) -> None:
        """Read the certificate again. An invalid replacement is logged and the current one stays in use."""
        try:
            self._responder = self._load()
        except (OSError, ValueError, UnusableResponderError) as error:
            self._fault = f"{self._config.responder_certificate_file}: {error}"
            _log.error("the OCSP responder's certificate cannot be used: %s", self._fault)

    def responder(self, now: int) -> ResponderKey:
        """Return the key to sign with. Raises :class:`UnusableResponderError`."""
        if self._responder is None:
            raise UnusableResponderError(self._fault)
        if not self._responder.not_before <= now < self._responder.not_after:
            raise UnusableResponderError("the responder's certificate is not valid at this time")
        return self._responder

    def valid_until(self, now: int) -> int:
        """Return when the responder's certificate expires, seconds since 1970; 0 if it is unusable."""
        try:
            return self.responder(now).not_after
        except UnusableResponderError:
            return 0

    def _load(self) -> ResponderKey:
        file = self._config.responder_certificate_file
        own = file is None
        if file is None:
            key, responder = self._config.crl_key, self._issuer
        else:
            key = self._config.responder_key
            responder = loading.load_certificate(
                own_certificate(certificate_files.read_certificates(file))
            )
            verify_responder(responder, self._issuer)
        public_key = keys.load_public_key(certificate.subject_public_key_info(responder))
        return ResponderKey(
            key=key,
            public_key=public_key,
            not_before=int(responder.not_valid_before_utc.timestamp()),
            not_after=int(responder.not_valid_after_utc.timestamp()),
            encoder=ResponseEncoder(
                responder, include=not own, extended_revoke=self._extended_revoke
            ),
            linter=ResponseLinter(responder),
        )


def verify_responder(responder: x509.Certificate, issuer: x509.Certificate) -> None:
    """Raise :class:`UnusableResponderError` unless clients accept its responses for the issuer's.

    1. issued by that very issuer, under its name and by its key
    2. for OCSP signing, by a key that may sign, and not a CA
    3. with nocheck: without it, clients would have to ask about the responder first, in a circle
    """
    if not loading.is_issued_by(responder, issuer):
        raise UnusableResponderError(
            "the certificate was not issued by the issuer that it signs for"
        )
    try:
        usages = (
            loading.read_extensions(responder).get_extension_for_class(x509.ExtendedKeyUsage).value
        )
        loading.read_extensions(responder).get_extension_for_class(x509.OCSPNoCheck)
    except loading.CertificateError as error:
        raise UnusableResponderError(str(error)) from None
    except x509.ExtensionNotFound as error:
        raise UnusableResponderError(
            f"the certificate has no extension {error.oid.dotted_string}"
        ) from None
    if ExtendedKeyUsageOID.OCSP_SIGNING not in usages:
        raise UnusableResponderError("the certificate is not for OCSP signing")
    for extension in responder.extensions:
        match extension.value:
            case x509.BasicConstraints(ca=True):
                raise UnusableResponderError("the certificate is a CA's, not a responder's")
            case x509.KeyUsage(digital_signature=False):
                raise UnusableResponderError("the key of the certificate may not sign responses")
            case _:
                pass
