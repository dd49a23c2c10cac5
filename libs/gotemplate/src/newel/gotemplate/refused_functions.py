"""Sprig's functions that no template here may call, each with its reason."""

from collections.abc import Mapping

_SECRET = "a template that makes secrets or keys would put them into logs and certificates"  # noqa: S105 - a reason

REFUSED: Mapping[str, str] = {
    **dict.fromkeys(
        (
            "genPrivateKey", "genCA", "genCAWithKey", "genSelfSignedCert", "genSelfSignedCertWithKey",
            "genSignedCert", "genSignedCertWithKey", "buildCustomCert", "derivePassword", "bcrypt",
            "htpasswd", "encryptAES", "decryptAES",
        ),
        _SECRET,
    ),
    "getHostByName": "a template that asks name servers would wait for them",
}  # fmt: skip # a table
"""The reasons by name. ``env`` and ``expandenv`` are as unknown as they are to the step tools."""
