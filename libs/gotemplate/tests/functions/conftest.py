"""What every test of a function module asks: a template's output, or its error."""

import os
from collections.abc import Callable

import pytest

from newel.gotemplate.budget import Environment
from newel.gotemplate.errors import ExecutionError
from newel.gotemplate.functions.catalogue import FUNCTIONS
from newel.gotemplate.template import Template


def render_text(text: str) -> str:
    return Template(text, FUNCTIONS).render({}, Environment(random=os.urandom))


def catch_error(text: str) -> str:
    with pytest.raises(ExecutionError) as caught:
        render_text(text)
    return str(caught.value)


@pytest.fixture
def render() -> Callable[[str], str]:
    return render_text


@pytest.fixture
def render_error() -> Callable[[str], str]:
    return catch_error
