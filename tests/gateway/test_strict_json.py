"""The quick reader of requests and the full one take the same bytes and read the same in them."""

import json

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from safeconduct.gateway import strict_json
from safeconduct.gateway.errors import DialectError
from safeconduct.gateway.limits import NESTING_MAX
from safeconduct.gateway.strict_json import read_with_texts

_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=8,
)
_WORDS = rb"""{"a" : , "a" "b": { } [ ] 1 -0 1e5 1e400 01 NaN null "\u003a" "\u0061" ":" "\":" "\ud800" 1. \ """.split()
_BYTES = [b" ", b"\xff", b"\xef\xbb\xbf", b'"\x01"', b"9" * 25]
_PIECES = st.lists(st.sampled_from([*_WORDS, *_BYTES]), max_size=9).map(b"".join)


def told(read, body):
    try:
        document, texts = read(body)
    except DialectError as error:
        return error.code, error.param, str(error)
    return repr(document), sorted(texts)


def fully(body):
    quick, strict_json._read_quickly = strict_json._read_quickly, lambda _body: None
    try:
        return told(read_with_texts, body)
    finally:
        strict_json._read_quickly = quick


@given(_PIECES | _VALUES.map(lambda value: json.dumps({"a": value}).encode()))
@example(b'{"a":1,"a":"\\u003a"}')  # a colon in a text makes up for the one of the member that is gone
@example(b'{"a":1,"b":{"c":":","c":2},"d":"\\u003A"}')
@example(b'{"a":{"a":1},"b":"a:"}')
@example(b'{"a":1,"\\u0061":2}')
@example(b'{"a\\u003a":1,"a:":2}')
@example(b'{"a":1.7976931348623159e308}')
@example(b"\xef\xbb\xbf{}")
@example(b"{}\n")
@example(b"{}\x00")
def test_both_readers_say_the_same(body):
    assert told(read_with_texts, body) == fully(body)


def test_an_ordinary_request_is_read_quickly_and_a_name_that_stands_twice_is_not():
    assert strict_json._read_quickly(b'{"a":"b:c\\n","d":[{"e":":"}]}') is not None
    assert strict_json._read_quickly(b'{"a":"b:c\\n","d":[{"e":":","e":":"}]}') is None


@pytest.mark.parametrize(("levels", "taken"), [(NESTING_MAX, True), (NESTING_MAX + 1, False)])
def test_nesting_at_its_limit_and_one_beyond(levels, taken):
    body = b'{"a":' + b"[" * (levels - 1) + b"1" + b"]" * (levels - 1) + b"}"
    assert told(read_with_texts, body) == fully(body)
    assert (told(read_with_texts, body)[0] != "body-too-deep") is taken
