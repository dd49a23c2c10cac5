"""`newel-kms-plugin`: keys of PKCS #11 tokens for the command line, in the words of `step-kms-plugin`."""
