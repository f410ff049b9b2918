"""Of assets planted in what people really write almost all are found, and little where there is none.

The texts are the half that no rule was tuned on. docs/benchmarks.md has the method, `make bench ONLY=scope` figures.
"""

import pytest
from bench.scope import found, per_kb
from bench.scope_texts import KINDS, half, prose

from support.corpora import corpora

PLANTED, FLOOR, FOUND_PER_KB_MAX = 150, 0.97, 1


@pytest.fixture(scope="module")
def texts():
    return [one for listed in prose(corpora()).values() for one in half(listed, tuning=False)]


@pytest.mark.parametrize("kind", KINDS)
def test_almost_all_are_found_in_prose(kind, texts):
    endings = ["com", "net", "org", "io", "ru", "info", "co.uk", "xyz"]
    assert sum(found(kind, number, texts, endings) for number in range(PLANTED)) >= FLOOR * PLANTED


def test_as_an_argument_no_name_passes_whatever_its_ending(texts):
    endings = ["com", "zip", "py", "name", "example", "local", "corp", "run"]
    assert all(found("domain", number, texts, endings, argument=True) for number in range(PLANTED))


def test_little_is_found_where_nothing_was_planted(texts):
    assert per_kb(texts) <= FOUND_PER_KB_MAX
