"""X.509, CSR, CRL, OCSP, lint and key quality as pure functions over values."""
