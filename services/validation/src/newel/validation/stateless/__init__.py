"""A responder without a database: OCSP from published CRLs and a delegated key alone."""
