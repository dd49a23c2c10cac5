"""Words of identifiers and versions: what step's own answers (functions.jsonl) do not show."""

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newel.gotemplate.errors import ParseError, TemplateError
from newel.gotemplate.functions.catalogue import FUNCTIONS
from newel.gotemplate.refused_functions import REFUSED
from newel.gotemplate.template import Template

Render = Callable[[str], str]


def test_a_shuffled_text_has_the_same_characters(render: Render) -> None:
    assert sorted(render('{{ shuffle "aeé漢" }}')) == sorted("aeé漢")
    assert len({render('{{ shuffle "abcdefghijklmnop" }}') for _ in range(3)}) > 1
    assert render('{{ shuffle "" }}') == ""


@pytest.mark.parametrize("name", sorted(REFUSED))
def test_a_function_that_makes_secrets_is_refused_by_name_and_reason(name: str) -> None:
    with pytest.raises(ParseError) as error:
        Template(f'{{{{ {name} "a" }}}}', FUNCTIONS)
    assert f'function "{name}" not available here: {REFUSED[name]}' in str(error.value)


@pytest.mark.parametrize("name", ["env", "expandenv", "nothing"])
def test_a_function_that_step_does_not_know_is_unknown_here(name: str) -> None:
    with pytest.raises(ParseError, match=f'function "{name}" not defined'):
        Template(f'{{{{ {name} "HOME" }}}}', FUNCTIONS)


@given(st.text(max_size=60))
def test_words_of_any_text_are_joined(text: str) -> None:
    template = Template(
        "{{ snakecase .text }}{{ kebabcase .text }}{{ camelcase .text }}{{ abbrevboth 5 9 .text }}",
        FUNCTIONS,
    )
    assert isinstance(template.render({"text": text}), str)


@given(st.text("0123456789.x*|,<>=!~^- vX+ab", max_size=40), st.text("0123456789.-+v", max_size=20))
def test_any_constraint_is_decided_or_refused(constraint: str, version: str) -> None:
    template = Template("{{ semverCompare .constraint .version }}", FUNCTIONS)
    try:
        said = template.render({"constraint": constraint, "version": version})
    except TemplateError as error:
        said = str(error)
    assert said in {"true", "false"} or "error calling semverCompare" in said


def test_a_long_constraint_is_not_read(render_error: Callable[[str], str]) -> None:
    said = render_error('{{ semverCompare (repeat 2000 "1 ") "1.2.3" }}')
    assert "the constraint is too long" in said
    assert "Invalid Semantic Version" in render_error('{{ semver (repeat 2000 "1") }}')
