"""How fingerprints are spelled: hex, four kinds of base64, emoji."""

import base64

from newel.cli.errors import UsageError

FORMATS = ("hex", "base64", "base64-url", "base64-raw", "base64-url-raw", "emoji")


def format_fingerprint(digest: bytes, form: str) -> str:
    """Return a digest in one of the formats. Raises UsageError for a format there is not."""
    if form == "hex":
        return digest.hex()
    if form == "emoji":
        from newel.cli.render.emoji import symbols

        alphabet = symbols()
        return "".join(alphabet[octet] for octet in digest)
    if form not in FORMATS:
        raise UsageError(
            f"error parsing fingerprint format: '{form}' is not a valid fingerprint format"
        )
    encode = base64.urlsafe_b64encode if "url" in form else base64.standard_b64encode
    text = encode(digest).decode()
    return text.rstrip("=") if form.endswith("raw") else text
