"""A fast reader of certificates, requests and revocation lists that loads no library.

It splits what it is given and judges nothing: signatures, names and key quality are checked elsewhere.
"""
