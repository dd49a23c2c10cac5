"""A provisioner's ``options.x509``: where its template is, and the operator's data for it."""

import binascii
from base64 import b64decode
from collections.abc import Mapping
from typing import Any, NamedTuple, cast

from newel.certtemplates.variables import numbers_as_go


class TemplateOptions(NamedTuple):
    """The template's text, or the file it is in; the data has Go's numbers."""

    text: str
    file: str
    data: dict[str, Any]


def template_options(options: Mapping[str, Any] | None) -> TemplateOptions | None:
    """Return the template options of a provisioner, None without a template. Raises ValueError.

    ``template`` is the text when it begins with a brace, else base64 of it; it wins over ``templateFile``.
    """
    said: Any = (options or {}).get("x509")
    if not isinstance(said, dict):
        return None
    chosen = cast("dict[str, Any]", said)
    data: Any = chosen.get("templateData") or {}
    if not isinstance(data, dict):
        raise ValueError("options.x509.templateData is not an object")  # noqa: TRY004 - of a configuration
    inline, file = chosen.get("template") or "", chosen.get("templateFile") or ""
    if not inline and not file:
        return None
    return TemplateOptions(plain(str(inline).strip()), str(file), numbers_as_go(data))


def plain(text: str) -> str:
    """Return a template's text."""
    if not text or text.startswith("{"):
        return text
    try:
        return b64decode(text, validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        raise ValueError("options.x509.template is neither a template nor base64 of one") from None
