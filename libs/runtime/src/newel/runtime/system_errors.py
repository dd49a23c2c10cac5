"""Errors of the operating system as a person reads them: which file, and what is wrong with it."""


def describe(error: OSError) -> str:
    """Describe an error without its number: ``/a/b: no such file or directory``."""
    reason = error.strerror or str(error)
    if error.filename is None:
        return reason
    if error.strerror:
        reason = reason[:1].lower() + reason[1:]
    name = (
        error.filename.decode(errors="replace")
        if isinstance(error.filename, bytes)
        else error.filename
    )
    return f"{name}: {reason}"
