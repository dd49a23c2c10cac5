"""The Kubernetes controller: certificates for the resources of a cluster, without a key of the authority."""
