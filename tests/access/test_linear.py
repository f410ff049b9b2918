"""Patterns that somebody else wrote: where they match is where their own search says."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from safeconduct.access.linear import compile_linear, spans


@pytest.mark.parametrize("pattern", ["ab", "a+b?", r"\bab\b", "a|ba", "^ab|b"])
@given(text=st.text("ab ", max_size=12))
def test_spans_are_where_the_patterns_own_search_finds_it(pattern, text):
    compiled, data = compile_linear(pattern), text.encode()
    found = list(spans(compiled, data))
    assert found == [one.span() for one in compiled.finditer(data)]
    assert found == [one.span() for one in re.finditer(pattern.encode(), data)]
