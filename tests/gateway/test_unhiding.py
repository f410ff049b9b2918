"""Variables in an answer, in pieces of any size: what comes out is as of one, and only whole values are resolved."""

import json
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from safeconduct.boundary.restoring import Tally
from safeconduct.boundary.variables import EMBEDDED, FOREIGN, FORGED, Variables, shown
from safeconduct.gateway import unhiding
from safeconduct.gateway.unhiding import Unhiding
from safeconduct.kernel.errors import UpstreamError

A, B, OTHER = "{{var:aaaaaaaa}}", "{{var:bbbbbbbb}}", "{{var:cccccccc}}"
PAGE = 'a "page" with é, \\ and {{var:bbbbbbbb}}\n'
VARIABLES = Variables(texts={A: PAGE, B: "7"}, elsewhere=frozenset({"VAR_ccccccccaa"}))
TOLD = Variables(texts=VARIABLES.texts, elsewhere=VARIABLES.elsewhere, told=True)

PIECES = st.sampled_from(
    [A, B, OTHER, "{{var:aaaa", "{", "}}", "{{", "var:", "aaaaaaaa}}", " ", "é", "{{var:aaaaaaaaa}}"]
)


def cut(text, places):
    edges = [0, *sorted(place % (len(text) + 1) for place in places), len(text)]
    return [text[start:end] for start, end in pairwise(edges)]


def put(restorer, *pieces):
    return "".join([*map(restorer.feed, pieces), restorer.rest()])


def of(variables=VARIABLES, *, arguments=True):
    return Unhiding(variables, arguments=arguments)


@given(st.lists(PIECES).map("".join), st.lists(st.integers(0, 400), max_size=8))
def test_a_text_in_pieces_comes_out_as_one_and_counts_alike(text, places):
    whole, pieces = (of(TOLD).restorer(as_json=False, argument=False) for _ in range(2))
    assert (
        put(pieces, *cut(text, places)) == put(whole, text) == text.replace(A, "\0").replace(B, "7").replace("\0", PAGE)
    )
    assert pieces.tally == whole.tally


@given(st.lists(PIECES).map("".join), st.lists(st.integers(0, 400), max_size=8))
def test_whoever_is_not_cleared_reads_every_byte_as_it_came(text, places):
    assert put(of().restorer(as_json=False, argument=False), *cut(text, places)) == text


@given(
    st.recursive(
        st.sampled_from([A, B, OTHER, f"{A} ", f"see {B}", "x", 7, None]),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["k", A, "é"]), inner, max_size=3),
        max_leaves=8,
    ),
    st.lists(st.integers(0, 400), max_size=6),
    st.booleans(),
)
def test_whole_values_of_arguments_are_resolved_and_nothing_else_is(value, places, escaped):
    source = json.dumps({"a": value}, ensure_ascii=escaped)
    if escaped:
        source = source.replace("{{var", "\\u007b{v\\u0061r")
    out = put(of().restorer(as_json=True, argument=True), *cut(source, places))
    assert json.loads(out) == {"a": _resolved(value)}


def _resolved(value):
    if isinstance(value, dict):
        return {name: _resolved(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [_resolved(inner) for inner in value]
    return VARIABLES.texts.get(value, value)


def test_a_text_that_is_json_stays_so():
    out = put(of(TOLD).restorer(as_json=True, argument=False), json.dumps({"a": A}))
    assert json.loads(out) == {"a": PAGE}


def test_where_nothing_is_decided_nothing_is_resolved():
    source = json.dumps({"a": A})
    assert put(of(arguments=False).restorer(as_json=True, argument=True), source) == source


def test_arguments_that_readers_could_read_in_two_ways_are_no_answer():
    with pytest.raises(UpstreamError):
        put(of().restorer(as_json=True, argument=True), '{"a": "{{var:aaaaaaaa}}", "a": 1}')


@pytest.mark.parametrize("argument", [True, False])
def test_one_answer_holds_so_much_and_not_one_character_more(monkeypatch, argument):
    monkeypatch.setattr(unhiding, "CHARACTERS_MAX", 3 * len(PAGE))
    answer = of(TOLD)
    for _ in range(3):
        put(answer.restorer(as_json=argument, argument=argument), json.dumps({"a": A}))
    with pytest.raises(UpstreamError) as caught:
        put(answer.restorer(as_json=argument, argument=argument), json.dumps({"a": B}))
    assert caught.value.code == "upstream-answer-invalid"


@pytest.mark.parametrize(
    ("value", "code"),
    [
        ("nothing", ""),
        (PAGE, ""),  # what a tool returned may look like anything
        (f"{PAGE} ", EMBEDDED),
        (f"see {A}", EMBEDDED),
        (A + OTHER, EMBEDDED),
        (OTHER, FOREIGN),
        (f"see {OTHER}", FOREIGN),
        ("{{var:dddddddd}}", FORGED),
        ("{{var:aaaaaaa}}", FORGED),
        ("{{var:aaaaaaaaa}}", FORGED),
        ("{{VAR:aaaaaaaa}}", FORGED),
        ("{{ var : aaaaaaaa }}", FORGED),
        ("{{var:", FORGED),
        ("{{variable}}", ""),
        ("{var:aaaaaaaa}", ""),
    ],
)
def test_what_looks_like_a_variable_and_is_none(value, code):
    assert VARIABLES.misused(value) == code


def test_what_was_not_resolved_is_counted():
    restorer = of().restorer(as_json=True, argument=True)
    put(restorer, json.dumps({"a": A, "b": OTHER, "c": "{{var:dddddddd}}", "d": f"{A}!"}))
    assert restorer.tally == Tally(restored=1, foreign=1, forged=1, altered=1)
    for variables in (VARIABLES, TOLD):
        restorer = of(variables).restorer(as_json=False, argument=False)
        put(restorer, f"{B} {OTHER} {{{{var:dddddddd}}}}")
        assert restorer.tally == Tally(restored=int(variables.told), foreign=1, forged=1)


def test_a_token_is_shown_as_a_variable():
    assert shown("VAR_aaaaaaaaaa") == A
