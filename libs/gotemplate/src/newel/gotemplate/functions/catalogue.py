"""All functions that a template may call: the language's own and sprig's.

Sprig's functions that read the environment or name servers are left out, and so are those that make keys,
certificates, ciphertexts or password hashes: no certificate needs them, and each call would be expensive.
"""

from newel.gotemplate.builtins import BUILTINS
from newel.gotemplate.calls import Functions
from newel.gotemplate.functions import defaults as choices
from newel.gotemplate.functions import (
    encodings,
    json_text,
    lists,
    maps,
    numbers,
    paths,
    regex,
    strings,
    times,
)

FUNCTIONS: Functions = {
    **BUILTINS,
    **choices.FUNCTIONS,
    **encodings.FUNCTIONS,
    **regex.FUNCTIONS,
    **json_text.FUNCTIONS,
    **lists.FUNCTIONS,
    **maps.FUNCTIONS,
    **numbers.FUNCTIONS,
    **paths.FUNCTIONS,
    **strings.FUNCTIONS,
    **times.FUNCTIONS,
}
