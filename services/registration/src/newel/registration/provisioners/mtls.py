"""mTLS provisioners: the client certificate of the TLS connection takes the place of a token."""

import datetime as dt
import hashlib

from newel.crypto import der, distinguished_names, names, oids
from newel.crypto.distinguished_names import COMMON_NAME
from newel.crypto.dns_names import InvalidNameError
from newel.crypto.names import GeneralName
from newel.crypto.reader.certificates import Certificate
from newel.registration.errors import forbidden_error, unauthorized_error
from newel.registration.provisioners import x5c_chains
from newel.registration.provisioners.grant import Grant, LeafKind, NameRule, Window
from newel.registration.provisioners.provisioner import Provisioner, ProvisionerContext
from newel.registration.provisioners.x5c import present
from newel.step.provisioners import MTLSProvisionerConfig

_CERTIFIED = frozenset({names.DNS_TAG, names.IP_TAG, names.EMAIL_TAG, names.URI_TAG})


class MTLSProvisioner(Provisioner):
    """One mTLS provisioner."""

    def __init__(self, record: MTLSProvisionerConfig, context: ProvisionerContext) -> None:
        """Read the roots and, from the same bundle, the intermediates. Raises ValueError."""
        super().__init__(record, context)
        bundle = x5c_chains.read_roots(record.roots)
        self._roots = [each for each in bundle if each.subject == each.issuer]
        self._intermediates = [each.der for each in bundle if each.subject != each.issuer]
        if not self._roots:
            raise ValueError(
                "roots: there is no self-signed certificate, at which TLS ends a chain"
            )
        policy = record.policy.x509 if record.policy else None
        is_limited = policy is not None and not policy.allow.is_empty
        if record.allow_custom_sans and not is_limited and self.template is None:
            raise ValueError(
                "allowCustomSANs: with neither policy.x509.allow nor a template every client could have"
                " every name"
            )
        self._allow_custom_names = record.allow_custom_sans
        self.issuers = frozenset(each.subject for each in bundle)
        """The subjects of its CAs in DER, by which it is found."""
        self.authorities = tuple(each.der for each in bundle)
        """Its CAs in DER, which TLS accepts client certificates of."""

    def verify(self, leaf: bytes, now: dt.datetime) -> list[Certificate]:
        """Return the path from a client certificate to a root. Raises ``unauthorized``."""
        chain = (leaf, *self._intermediates)
        return x5c_chains.verify_chain(chain, self._roots, now, is_ordered=False)

    def authorize_client(self, path: list[Certificate]) -> Grant:
        """Return the grant of a client whose certificate :meth:`verify` verified.

        TLS proved that the client has the key. The certificate's own names are certified, or with
        ``allowCustomSANs`` those of the request. Raises NewelError.
        """
        leaf = path[0]
        subject = _common_name(leaf)
        custom = self._allow_custom_names
        own = () if custom else self._own_names(leaf, subject)
        return Grant(
            provisioner=self.reference(hashlib.sha256(leaf.der).hexdigest()),
            use=None,
            subject=subject,
            names=own,
            common_names=None if custom else (subject, *map(str, own)),
            limits=self.limits,
            profile=self.profile,
            name_rule=NameRule.FROM_REQUEST if custom else NameRule.SUBSET,
            leaf=LeafKind.INSTANCE if custom else LeafKind.LEAF,
            window=Window(leaf.not_before, leaf.not_after),
            template_data=present(path) if self.template is not None else {},
            certificate=leaf.der,
        )

    def _own_names(self, leaf: Certificate, subject: str) -> tuple[GeneralName, ...]:
        """Read the certificate's names, of the kinds that are certified; without any its common name."""
        value = leaf.extension(oids.SUBJECT_ALT_NAME)
        try:
            listed = der.children(der.only(value).content) if value is not None else []
            found = tuple(
                names.from_der(each.tag, each.content, self.name_rules)
                for each in listed
                if each.tag in _CERTIFIED
            )
            return found or names.parse_sans([subject] if subject else [], self.name_rules)
        except InvalidNameError as error:
            raise forbidden_error(f"the client certificate has a bad name: {error}") from None
        except der.DERError as error:
            raise unauthorized_error(f"the client certificate cannot be read: {error}") from None


def _common_name(leaf: Certificate) -> str:
    try:
        subject = distinguished_names.decode(leaf.subject)
    except (der.DERError, ValueError) as error:
        raise unauthorized_error(f"the client certificate cannot be read: {error}") from None
    return next((each.value for each in reversed(subject) if each.oid == COMMON_NAME), "")
