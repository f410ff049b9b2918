from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from safeconduct.access.document import (
    DEPTH_MAX,
    PROBLEMS_MAX,
    PROGRAM_BYTES_MAX,
    Mark,
    Problem,
    ProgramInvalidError,
    parse_document,
)
from safeconduct.kernel.errors import TooLargeError


def said(source):
    with pytest.raises(ProgramInvalidError) as caught:
        parse_document(source if isinstance(source, bytes) else source.encode(), "p.yaml")
    return caught.value.message


def test_values_keep_the_text_that_was_written_and_where():
    node = parse_document(b"a: no\nb:\n  - 01\n  - '1'\nc: |\n  x\n   y\n", "p.yaml")
    mark, value = node.fields["a"]
    assert (mark, value.mark, value.text, value.plain) == (Mark(1, 1), Mark(1, 4), "no", True)
    first, second = node.fields["b"][1].items
    assert (first.text, first.plain, first.mark) == ("01", True, Mark(3, 5))
    assert (second.text, second.plain) == ("1", False)
    assert (node.fields["c"][1].text, node.fields["c"][1].block) == ("x\n y\n", True)


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("a: [1", "p.yaml:2:1: this is not YAML: did not find expected ',' or ']'"),
        ("a: b: c", "p.yaml:1:5: this is not YAML: mapping values are not allowed in this context"),
        ("\ta: 1", "p.yaml:1:1: this is not YAML: found character that cannot start any token"),
        ("", "p.yaml:1:1: the file is empty"),
        ("# only a comment\n", "p.yaml:1:1: the file is empty"),
        ("a: 1\n---\nb: 2\n", "p.yaml:2:1: a second document begins here; expected one"),
        ("a: 1\nb: 2\na: 3\n", "p.yaml:3:1: 'a' stands twice; the first is on line 1"),
        ("a: &x 1\n", "p.yaml:1:4: anchors and aliases are not taken; write the value out"),
        ("a: *x\n", "p.yaml:1:4: anchors and aliases are not taken; write the value out"),
        ("a: !!python/object:os.system x\n", "p.yaml:1:4: tags are not taken; the schema says what a value is"),
        ("? [a]\n: 1\n", "p.yaml:1:3: expected a name as the key"),
        (b"a: 1\nb: \xff\n", "p.yaml:2:4: the bytes from here are not UTF-8"),
        ("a: 1\nbc: \x00\n", "p.yaml:2:5: unprintable character '\\x00'"),
        (b"\xff\xfea\x00", "p.yaml:1:1: the bytes from here are not UTF-8"),
    ],
)
def test_what_is_not_taken_is_told_with_its_place(source, expected):
    assert said(source) == expected


def test_the_limit_on_size():
    fits = b"a: 1 #" + b"x" * (PROGRAM_BYTES_MAX - 6)
    assert parse_document(fits, "p.yaml").fields["a"][1].text == "1"
    with pytest.raises(TooLargeError, match=f"p.yaml: expected at most {PROGRAM_BYTES_MAX} bytes"):
        parse_document(fits + b"x", "p.yaml")


def test_the_limit_on_depth():
    assert parse_document(b"[" * DEPTH_MAX + b"]" * DEPTH_MAX, "p.yaml").items
    assert said("[" * (DEPTH_MAX + 1)) == f"p.yaml:1:{DEPTH_MAX + 1}: nested deeper than {DEPTH_MAX} levels"
    assert "nested deeper" in said("[" * 100_000)


def test_the_limit_on_problems_told_at_once():
    problems = [Problem(Mark(line, 1), f"wrong {line}") for line in range(PROBLEMS_MAX + 2, 0, -1)]
    lines = ProgramInvalidError("p.yaml", problems).message.splitlines()
    assert lines[0] == "p.yaml:1:1: wrong 1"
    assert lines[PROBLEMS_MAX:] == ["p.yaml: 2 more problems after these"]


@given(st.one_of(st.binary(max_size=300), st.text(alphabet="ab:-[]{}&*!|>?'\"# \n", max_size=60).map(str.encode)))
def test_any_bytes_are_read_or_refused_by_our_own_error(source):
    with suppress(ProgramInvalidError, TooLargeError):
        parse_document(source, "p.yaml")
