"""SCEP (RFC 8894): devices without a command line enrol and renew by one signed message."""
