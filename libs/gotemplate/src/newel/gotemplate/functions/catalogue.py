"""All functions that a template may call: the language's own and sprig's.

Of sprig's functions those that read the environment are unknown, as they are to the step tools; those that
ask name servers or make keys, certificates, ciphertexts or password hashes are refused by name:
:mod:`newel.gotemplate.refused_functions`.
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
    versions,
    words,
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
    **versions.FUNCTIONS,
    **words.FUNCTIONS,
}
