"""The kinds of resources that the controller reads and writes, as the API names them."""

from typing import Any, NamedTuple

from lightkube import generic_resource as generic

GROUP = "newel.dev"
STEP_GROUP = "certmanager.step.sm"
CERT_MANAGER_GROUP = "cert-manager.io"

SIGNER = "newelclusterissuers.newel.dev"
"""What the names of our signers begin with; a cluster issuer's name follows after a slash."""


class Kind(NamedTuple):
    """One kind of resource of one version."""

    group: str
    version: str
    name: str
    plural: str
    namespaced: bool
    resource: Any
    """The class by which lightkube addresses it."""

    @property
    def api_version(self) -> str:
        """Return what manifests have as ``apiVersion``."""
        return f"{self.group}/{self.version}"


def _define(group: str, version: str, name: str, plural: str, *, namespaced: bool = True) -> Kind:
    library: Any = generic  # its types are partial
    create = library.create_namespaced_resource if namespaced else library.create_global_resource
    resource = create(group, version, name, plural)
    return Kind(group, version, name, plural, namespaced, resource)


CERTIFICATE_REQUEST = _define(CERT_MANAGER_GROUP, "v1", "CertificateRequest", "certificaterequests")
ISSUER = _define(GROUP, "v1", "NewelIssuer", "newelissuers")
CLUSTER_ISSUER = _define(GROUP, "v1", "NewelClusterIssuer", "newelclusterissuers", namespaced=False)
STEP_ISSUER = _define(STEP_GROUP, "v1beta1", "StepIssuer", "stepissuers")
STEP_CLUSTER_ISSUER = _define(
    STEP_GROUP, "v1beta1", "StepClusterIssuer", "stepclusterissuers", namespaced=False
)
SIGNING_REQUEST = _define(
    "certificates.k8s.io",
    "v1",
    "CertificateSigningRequest",
    "certificatesigningrequests",
    namespaced=False,
)
TRUST_BUNDLE = _define(
    "certificates.k8s.io", "v1", "ClusterTrustBundle", "clustertrustbundles", namespaced=False
)
LEASE = _define("coordination.k8s.io", "v1", "Lease", "leases")
