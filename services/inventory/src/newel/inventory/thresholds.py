"""Decides when an endpoint's last certificate is late for renewal."""

import math

from newel.inventory.certificate import SSH_USER
from newel.inventory.config import Expiry
from newel.inventory.endpoints import CertificateRecord


def warn_at(record: CertificateRecord, expiry: Expiry) -> int | None:
    """Return the second from which a certificate without successor is late; None: it is never reported.

    A fraction of the lifetime and not a number of days, because lifetimes run from two minutes to
    years.
    """
    if record.facts.type == SSH_USER:
        return None  # people log in again when they need to
    fraction = expiry.provisioners.get(record.provisioner, expiry.fraction)
    if fraction == 0 or record.provisioner_type in expiry.quiet_types:
        return None
    life = record.facts.not_after - record.facts.not_before
    return record.facts.not_before + math.ceil(life * fraction)
