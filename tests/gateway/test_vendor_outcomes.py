"""What vendors do besides answering: each documented sign is a notice, and none of their words is."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from safeconduct.gateway.dialects.model import Shapes
from safeconduct.gateway.dialects.registry import DIALECTS
from safeconduct.gateway.vendor_outcomes import (
    MODEL_NAME_MAX,
    NOTICES_MAX,
    NoticeKind,
    VendorNotice,
    at_head,
    in_refusal,
    merged,
    rerouted,
)
from support.call_ends import request

REFUSAL, SAFETY, SLOW = NoticeKind.REFUSAL, NoticeKind.SAFETY, NoticeKind.SLOW_DOWN


def told(notices):
    return [(notice.kind, notice.reason) for notice in notices]


@pytest.mark.parametrize(
    ("status", "error", "expected"),
    [
        (400, {"code": "content_filter", "status": 400}, [(REFUSAL, "content-filter")]),
        (400, {"code": 400, "innererror": {"code": "ResponsibleAIPolicyViolation"}}, [(REFUSAL, "content-filter")]),
        (400, {"code": "invalid_prompt", "message": "flagged"}, [(REFUSAL, "invalid-prompt")]),
        (400, {"code": "cyber_policy"}, [(REFUSAL, "cyber"), (SAFETY, "cyber")]),
        (403, {"code": "whatever"}, [(REFUSAL, "forbidden")]),
        (400, {"code": "invalid_request_error"}, []),
        (401, {"code": "invalid_api_key"}, []),
    ],
)
def test_a_refusal_is_known_by_its_codes(status, error, expected):
    assert told(in_refusal(status, json.dumps({"error": error}).encode())) == expected


@pytest.mark.parametrize("body", [b"", b"<html>", b'{"error":"cyber_policy"}', b'{"error":null}', b"\xff", b"[" * 5000])
def test_what_is_no_error_document_says_nothing(body):
    assert in_refusal(400, body) == ()


@pytest.mark.parametrize(
    ("status", "headers", "expected"),
    [
        (429, {}, [(SLOW, "rate-limited")]),
        (529, {"retry-after": "9"}, [(SLOW, "overloaded")]),
        (503, {}, [(SLOW, "unavailable")]),
        (200, {"x-ratelimit-remaining-tokens": "0"}, [(SLOW, "rate-exhausted")]),
        (200, {"anthropic-ratelimit-requests-remaining": "1"}, []),
        (500, {}, []),
    ],
)
def test_a_vendor_that_slows_us_down(status, headers, expected):
    assert told(at_head(status, headers)) == expected


@pytest.mark.parametrize(
    ("asked", "answered", "same"),
    [
        ("gpt-x", "gpt-x", True),
        ("gpt-x", "gpt-x-2026-09-01", True),
        ("gpt-x-2026-09-01", "gpt-x", True),
        ("claude-x", "claude-x-20260901", True),
        ("claude-x@20260901", "claude-x", True),
        ("gpt-x", "gpt-x-mini", False),
        ("gpt-x", "gpt-x-mini-2026-09-01", False),
        ("gpt-x-2026-09-01", "gpt-x-2026-08-01", False),
        ("gpt-x", "x" * 200, False),
    ],
)
def test_another_model_than_the_pinned_one_is_a_reroute(asked, answered, same):
    expected = [] if same else [(NoticeKind.REROUTE, "other-model")]
    assert told(rerouted("openai", [asked, "unrelated"], answered)) == expected
    assert rerouted("compatible", [asked], answered) == ()
    assert rerouted("openai", [asked], None) == ()


@pytest.mark.parametrize(
    ("choice", "expected"),
    [
        ({"finish_reason": "content_filter"}, [(REFUSAL, "content-filter")]),
        ({"finish_reason": "stop", "message": {"refusal": "I won't"}}, [(REFUSAL, "model")]),
        ({"finish_reason": "stop", "message": {"content": "no", "refusal": None}}, []),
    ],
)
def test_a_chat_answers_refusal_is_a_notice_whole_and_in_a_stream(choice, expected):
    chat = DIALECTS["openai.chat"]
    asked = chat.read(request(stream=True), Shapes())
    answer = {"model": "gpt-x", "choices": [{"index": 0, **choice}]}
    facts = chat.read_answer(json.dumps(answer).encode(), asked)
    assert (told(facts.notices), facts.model) == (expected, "gpt-x")
    reader = chat.reader(asked)
    frame = json.dumps(answer).replace('"message"', '"delta"').encode()
    reader.feed(b"data: " + frame + b"\n\ndata: " + frame + b"\n\n")
    assert (told(reader.facts.notices), reader.facts.model) == (expected, "gpt-x")


@given(st.lists(st.builds(VendorNotice, st.sampled_from(NoticeKind), st.text(max_size=3)), max_size=30))
def test_notices_are_kept_once_in_order_and_bounded(found):
    kept = merged(found, found)
    assert len(kept) == min(NOTICES_MAX, len(set(found)))
    assert list(kept) == [one for number, one in enumerate(found) if one not in found[:number]][:NOTICES_MAX]


@given(st.binary(max_size=200), st.integers(100, 599))
def test_no_words_of_a_vendor_come_through(body, status):
    for notice in in_refusal(status, body):
        assert notice.reason.replace("-", "").isalpha()
        assert notice.owner == "vendor"


def test_a_name_is_compared_up_to_its_limit_and_one_beyond_is_none():
    name = "m" * MODEL_NAME_MAX
    assert rerouted("openai", [name], name) == ()
    assert told(rerouted("openai", [name + "m"], name + "m")) == told(rerouted("openai", [name], "other")) != []
