import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from safeconduct.kernel.canonical import INTEGER_MAX, canonical, digest, is_plain, ordered
from safeconduct.kernel.errors import InvalidInputError

text = st.text(st.characters(codec="utf-8"))
values = st.recursive(
    st.none() | st.booleans() | st.integers(-INTEGER_MAX, INTEGER_MAX) | text,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(text, inner, max_size=4),
    max_leaves=20,
)


@given(values)
def test_same_bytes_as_the_reference_encoder(value):
    assert canonical(value) == rfc8785.dumps(value)


def test_member_names_are_ordered_by_utf16_and_nothing_is_escaped_twice():
    # U+1F600 is a surrogate pair in UTF-16 and sorts before U+FB33, though its code point is larger (RFC 8785 3.2.3).
    assert canonical({"\ufb33": 1, "\U0001f600": 2, "a": '\n"'}) == '{"a":"\\n\\"","\U0001f600":2,"\ufb33":1}'.encode()


@pytest.mark.parametrize("bad", [1.5, float("nan"), b"bytes", {1: "number as name"}, {"a"}, "\ud800", {"\ud800": 1}])
def test_what_has_no_single_form_is_refused(bad):
    with pytest.raises(InvalidInputError):
        canonical(bad)


def test_the_integer_limit_at_its_edge_and_one_beyond():
    assert canonical([INTEGER_MAX, -INTEGER_MAX]) == b"[9007199254740991,-9007199254740991]"
    for beyond in (INTEGER_MAX + 1, -INTEGER_MAX - 1):
        with pytest.raises(InvalidInputError, match=r"beyond 2\^53"):
            canonical(beyond)


foreign = st.integers() | st.floats(allow_nan=False) | st.binary(max_size=3)


@given(st.recursive(values | foreign, lambda inner: st.lists(inner) | st.dictionaries(text | st.integers(), inner)))
def test_a_plain_value_has_a_canonical_form(value):
    if is_plain(value):
        assert ordered(value) == value


@given(values)
def test_values_of_plain_types_are_plain(value):
    assert is_plain(value)
    assert is_plain(INTEGER_MAX)
    assert not is_plain(INTEGER_MAX + 1)
    assert not is_plain({1: value})


def test_digest_is_sha256_of_the_bytes():
    assert digest({}) == "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"
