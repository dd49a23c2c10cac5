"""Everything a template may call: the language's own functions and sprig's.

Left out of sprig is what looks outside (environment, name service) and what makes keys, certificates,
ciphertexts or password hashes: no certificate needs it, and each call would cost more than all others.
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
