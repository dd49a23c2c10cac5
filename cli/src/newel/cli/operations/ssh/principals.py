"""The names a certificate is good for when the person gives none."""

import re


def of_subject(subject: str, *, host: bool) -> list[str]:
    """Return a host's own name; for a person the login name, the local part as it stands and the subject."""
    if host:
        return [subject]
    name = login_name(subject)
    found = [name]
    local, at, _ = subject.rpartition("@")
    if at and local.lower() != name:
        found.append(local)
    if subject != name:
        found.append(subject)
    return found


def login_name(subject: str) -> str:
    """Return a Unix login name out of a mailbox: its local part, without dots, in letters a system knows."""
    local, at, _ = subject.rpartition("@")
    text = (local if at else subject).lower()
    return re.sub(r"[^a-z0-9-]", "_", text.replace(".", ""))
