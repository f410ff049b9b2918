"""Bytes to lines, text, times and JSON objects: at each limit, and for everything that is broken."""

import io
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from safeconduct.adapters.telemetry.lines import (
    DEPTH_MAX,
    LINE_BYTES_MAX,
    UnreadableError,
    lines_of,
    parse_object,
    visible,
)
from safeconduct.adapters.telemetry.times import common_log, instant
from safeconduct.kernel.canonical import canonical
from safeconduct.kernel.instants import parse_rfc3339


def read(content):
    return list(lines_of(io.BytesIO(content)))


def refused(call, *arguments):
    with pytest.raises(UnreadableError) as caught:
        call(*arguments)
    return caught.value.code


def test_lines_keep_their_numbers_past_blank_ones():
    assert [(line.number, line.text) for line in read(b"a\n\n  \nb\r\nc")] == [(1, "a"), (4, "b"), (5, "c")]


def test_only_a_last_line_without_its_end_says_so():
    assert [line.ended for line in read(b"a\nb")] == [True, False]


@pytest.mark.parametrize(("size", "too_long"), [(LINE_BYTES_MAX, False), (LINE_BYTES_MAX + 1, True)])
def test_a_line_over_the_limit_is_told_and_the_next_one_read(size, too_long):
    long, after = read(b"x" * size + b"\nafter\n")
    assert (long.too_long, len(long.text) < 1000) == (too_long, too_long)
    assert (after.number, after.text) == (2, "after")


def test_a_long_last_line_without_end_is_told():
    assert [(line.too_long, line.ended) for line in read(b"x" * (LINE_BYTES_MAX * 2 + 5))] == [(True, False)]


def test_bytes_that_are_no_utf8_stay_visible():
    (line,) = read(b"user \xff\xfe ok\n")
    assert (line.broken, visible(line.text)) == (True, "user \\xff\\xfe ok")


def test_a_stray_byte_does_not_drop_a_json_line():
    (line,) = read(b'{"agent":"evil\xff","n":1}\n')
    assert parse_object(line.text) == {"agent": "evil\\xff", "n": 1}


def test_a_lone_surrogate_is_written_out():
    assert parse_object('{"a":"\\ud800x"}') == {"a": "\\ud800x"}
    assert parse_object('{"pair":"\\ud83d\\ude00"}') == {"pair": "😀"}


def test_numbers_that_canonical_json_refuses_are_kept_as_text():
    found = parse_object('{"f":0.10,"e":1e400,"big":9007199254740993,"ok":9007199254740991,"neg":-9007199254740992}')
    assert found == {
        "f": "0.10",
        "e": "1e400",
        "big": "9007199254740993",
        "ok": 9007199254740991,
        "neg": "-9007199254740992",
    }
    canonical(found)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("{", "json-broken"),
        ('{"a":NaN}', "json-broken"),
        ("[1]", "json-no-object"),
        ('"text"', "json-no-object"),
        ('{"a":1,"a":2}', "json-member-twice"),
        ('{"o":{"b":1,"b":1}}', "json-member-twice"),
        ('{"a":' + "[" * 100_000, "json-too-deep"),
    ],
)
def test_what_is_no_record_is_refused_by_code(text, code):
    assert refused(parse_object, text) == code


@pytest.mark.parametrize(("levels", "fits"), [(DEPTH_MAX - 1, True), (DEPTH_MAX, False)])
def test_nesting_is_limited(levels, fits):
    text = '{"a":' + "[" * levels + "1" + "]" * levels + "}"
    if fits:
        assert parse_object(text)["a"]
    else:
        assert refused(parse_object, text) == "json-too-deep"


@given(st.binary(max_size=300))
def test_no_bytes_break_the_reader(content):
    for line in read(content):
        canonical({"text": visible(line.text)})
        try:
            canonical(parse_object(line.text))
        except UnreadableError:
            continue


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


@given(st.dictionaries(st.text(), JSON, max_size=4))
def test_every_json_object_gets_a_canonical_form(value):
    canonical(parse_object(json.dumps(value)))


@pytest.mark.parametrize(
    ("value", "same"),
    [
        (1795287090, "2026-11-21T18:51:30Z"),
        ("1795287090.514", "2026-11-21T18:51:30.514Z"),
        ("1795287090514", "2026-11-21T18:51:30.514Z"),
        (1795287090514227, "2026-11-21T18:51:30.514227Z"),
        ("1795287090514227374", "2026-11-21T18:51:30.514227Z"),
        ("1795287090.514227374", "2026-11-21T18:51:30.514227Z"),
        ("2026-11-21T19:51:30+01:00", "2026-11-21T18:51:30Z"),
        ("2026-11-21T18:51:30,5Z", "2026-11-21T18:51:30.5Z"),
        ("2026-11-21T18:51:30.514227374Z", "2026-11-21T18:51:30.514227Z"),
    ],
)
def test_times_are_exact_to_the_microsecond(value, same):
    assert instant(value) == parse_rfc3339(same)


@pytest.mark.parametrize(
    ("value", "code"),
    [
        ("2026-11-21T18:51:30", "time-without-offset"),
        ("2026-11-21", "time-without-offset"),
        ("yesterday", "time-unknown"),
        ("", "time-unknown"),
        ("12", "time-unknown"),
        ("1.2.3", "time-unknown"),
        (True, "time-unknown"),
    ],
)
def test_a_time_that_names_no_instant_is_refused(value, code):
    assert refused(instant, value) == code


def test_the_common_log_format_has_its_own_time():
    assert common_log("21/Nov/2026:19:51:30 +0100") == parse_rfc3339("2026-11-21T18:51:30Z")
    assert refused(common_log, "21/Foo/2026:19:51:30 +0100") == "time-unknown"
    assert refused(common_log, "21/Nov/2026 19:51:30") == "time-unknown"
