"""A provisioner's ``options``: where its templates are, and the operator's data for them."""

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


def template_options(
    options: Mapping[str, Any] | None, kind: str = "x509"
) -> TemplateOptions | None:
    """Return the options of a provisioner's ``x509`` or ``ssh`` template, None without a template.

    ``template`` is the text when it begins with a brace, else base64 of it; it wins over ``templateFile``.
    Raises ValueError with the member at fault.
    """
    said: Any = (options or {}).get(kind)
    if not isinstance(said, dict):
        return None
    chosen = cast("dict[str, Any]", said)
    data: Any = chosen.get("templateData") or {}
    if not isinstance(data, dict):
        raise ValueError(f"options.{kind}.templateData is not an object")  # noqa: TRY004 - of a configuration
    inline, file = chosen.get("template") or "", chosen.get("templateFile") or ""
    if not inline and not file:
        return None
    return TemplateOptions(_plain(str(inline).strip(), kind), str(file), numbers_as_go(data))


def _plain(text: str, kind: str) -> str:
    if not text or text.startswith("{"):
        return text
    try:
        return b64decode(text, validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        raise ValueError(
            f"options.{kind}.template is neither a template nor base64 of one"
        ) from None
