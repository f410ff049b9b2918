"""Exports held against our calls: what fits is reconciled, one call or token more is not, and nobody guesses."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from safeconduct.adapters.memory.records import MemoryState
from safeconduct.gateway.events import ENDED_CALLS, EndedCall
from safeconduct.gateway.moves import End
from safeconduct.gateway.usage import WINDOW_MAX, Asked, ExportRow, UsedCall, compare, conduct, used
from safeconduct.gateway.usage_exports import EXPORT_BYTES_MAX, ROWS_MAX, read_export
from safeconduct.gateway.vendor_outcomes import NoticeKind, VendorNotice
from safeconduct.kernel.errors import InvalidInputError
from safeconduct.kernel.ids import ulid
from safeconduct.kernel.instants import Instant, rfc3339, seconds
from support.immediate import START

HOUR = seconds(3600)
BEGIN = Instant(START // HOUR * HOUR)
NEXT = Instant(BEGIN + HOUR)
SLOW = VendorNotice(NoticeKind.SLOW_DOWN, "rate-limited")


def ended(end=End.COMPLETED, *, prompt=10, completion=5, asked=("openai",), model="v1", notices=()):
    return EndedCall(
        outcome="o", end=end, model=model, asked=asked, prompt_tokens=prompt, completion_tokens=completion,
        notices=notices,
    )  # fmt: skip


def at(call, moment=BEGIN):
    return UsedCall(moment, call)


def row(calls=1, prompt=10, completion=5, *, model="v1"):
    return ExportRow(model=model, since=BEGIN, until=NEXT, calls=calls, input_tokens=prompt, output_tokens=completion)


def differences(rows, calls, *, names=None, permille=0):
    asked = Asked(upstream="openai", names=names or {}, since=BEGIN, until=NEXT)
    found = compare(rows, [at(call) for call in calls], asked, permille=permille)
    return [(one.what, one.least, one.most, one.told) for one in found]


def test_what_agrees_agrees():
    assert differences([row(2, 20, 10)], [ended(), ended()]) == []
    assert differences([row(model="theirs")], [ended()], names={"v1": "theirs"}) == []
    assert differences([row(calls=None)], [ended()]) == []  # an export that counts no calls


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        (row(2), [("calls", 1, 1, 2)]),
        (row(0), [("calls", 1, 1, 0)]),
        (row(1, 11), [("input-tokens", 10, 10, 11)]),
        (row(1, 10, 4), [("output-tokens", 5, 5, 4)]),
    ],
)
def test_one_more_or_less_is_a_difference(told, expected):
    assert differences([told], [ended()]) == expected


def test_what_only_one_side_knows_is_a_difference():
    assert differences([row()], []) == [("calls", 0, 0, 1), ("input-tokens", 0, 0, 10), ("output-tokens", 0, 0, 5)]
    assert [one[0] for one in differences([row(model="other", calls=0, prompt=0, completion=0)], [ended()])] == [
        "calls", "input-tokens", "output-tokens"
    ]  # fmt: skip
    assert differences([row()], [ended(), ended(asked=("azure",))]) == []


@pytest.mark.parametrize("end", [End.CUT, End.UPSTREAM_FAILED, End.ABANDONED, End.REFUSED_BY_UPSTREAM])
def test_of_a_call_that_did_not_complete_nobody_knows_whether_it_was_counted(end):
    cut = ended(end, prompt=7, completion=None)
    assert differences([row(1, 10, 5)], [ended(), cut]) == [("input-tokens", 17, None, 10)]
    assert differences([row(1, 17, 5)], [ended(), cut]) == []
    assert differences([row(2, 999, 999)], [ended(), cut]) == []
    assert differences([row(3, 17, 5)], [ended(), cut]) == [("calls", 1, 2, 3)]


def test_a_stream_without_usage_is_one_call_and_any_number_of_tokens():
    assert differences([row(1, 4, 400)], [ended(prompt=None, completion=None)]) == []
    assert differences([row(2, 4, 400)], [ended(prompt=None, completion=None)]) == [("calls", 1, 1, 2)]


def test_a_failover_may_count_at_both_and_counts_for_sure_at_the_last():
    moved = ended(asked=("openai", "azure"))
    assert differences([row(1, 3, 0)], [moved]) == []
    assert differences([row(0, 0, 0)], [moved]) == []
    assert differences([row(2, 3, 0)], [moved]) == [("calls", 0, 1, 2)]
    back = ended(asked=("azure", "openai"))
    assert differences([row(0, 0, 0)], [back])[0] == ("calls", 1, 1, 0)


def test_tokens_may_differ_by_what_was_said_and_calls_never():
    calls = [ended(prompt=1000, completion=1000)]
    assert differences([row(1, 1010, 990)], calls, permille=10) == []
    assert differences([row(1, 1012, 990)], calls, permille=10) == [("input-tokens", 1000, 1000, 1012)]
    assert [one[0] for one in differences([row(2, 1000, 1000)], calls, permille=100)] == ["calls"]


@given(st.lists(st.tuples(st.sampled_from(list(End)), st.one_of(st.none(), st.integers(0, 99)))), st.data())
def test_what_a_vendor_could_have_counted_is_never_a_difference(drawn, data):
    calls, told = [], [0, 0, 0]
    for end, tokens in drawn:
        calls.append(ended(end, prompt=tokens, completion=tokens))
        sure = end is End.COMPLETED
        if sure or data.draw(st.booleans()):
            told[0] += 1
        extra = 0 if sure and tokens is not None else data.draw(st.integers(0, 50))
        told[1] += (tokens or 0) + extra
        told[2] += (tokens or 0) + extra
    assert differences([row(*told)], calls) == []


def test_calls_are_read_by_their_time_across_the_steps_of_reading():
    state = MemoryState()
    moments = [Instant(BEGIN + number * HOUR) for number in range(0, 48, 3)]
    for moment in moments:
        state.put(ENDED_CALLS, ulid(moment, b"x" * 10), ended())
    assert [one.at for one in used(state, moments[2], moments[9])] == moments[2:9]
    assert [one.at for one in used(state, moments[0], Instant(moments[-1] + 1000))] == moments


@pytest.mark.parametrize(("since", "until", "fits"), [(0, WINDOW_MAX, True), (0, WINDOW_MAX + 1, False), (5, 5, False)])
def test_a_stretch_of_time_is_bounded(since, until, fits):
    if fits:
        assert list(used(MemoryState(), Instant(since), Instant(until))) == []
    else:
        with pytest.raises(InvalidInputError):
            list(used(MemoryState(), Instant(since), Instant(until)))


def test_conduct_counts_ends_and_notices_by_the_upstream_that_was_asked_last():
    slow = ended(End.UPSTREAM_FAILED, asked=("azure", "openai"), notices=(SLOW,))
    [found] = conduct([at(ended()), at(slow), at(ended(End.CUT, asked=()))])
    assert (found.upstream, found.model, found.calls) == ("openai", "v1", 2)
    assert found.notices == {("slow-down", "rate-limited", "vendor"): 1}
    assert found.ends == {"completed": 1, "upstream-failed": 1}


OPENAI = {
    "object": "page",
    "has_more": False,
    "data": [
        {
            "object": "bucket",
            "start_time": BEGIN // seconds(1),
            "end_time": NEXT // seconds(1),
            "results": [
                {"model": "v1", "num_model_requests": 1, "input_tokens": 4, "output_tokens": 2, "project_id": "a"},
                {"model": "v1", "num_model_requests": 1, "input_tokens": 6, "output_tokens": 3, "project_id": "b"},
            ],
        }
    ],
}
ANTHROPIC = {
    "has_more": False,
    "data": [
        {
            "starting_at": rfc3339(BEGIN),
            "ending_at": rfc3339(NEXT),
            "results": [
                {
                    "model": "v1",
                    "uncached_input_tokens": 3,
                    "cache_read_input_tokens": 4,
                    "cache_creation": {"ephemeral_5m_input_tokens": 1, "ephemeral_1h_input_tokens": 2},
                    "output_tokens": 5,
                }
            ],
        }
    ],
}
CSV = f"since,until,model,calls,input_tokens,output_tokens\n{rfc3339(BEGIN)},{rfc3339(NEXT)},v1,2,10,5\n"


@pytest.mark.parametrize(
    ("content", "calls"),
    [(json.dumps(OPENAI), 2), (json.dumps([OPENAI]), 2), (json.dumps(ANTHROPIC), None), (CSV, 2)],
)
def test_each_vendors_export_says_the_same(content, calls):
    assert read_export(content.encode()) == (row(calls),)


@pytest.mark.parametrize(
    "content",
    [
        json.dumps(OPENAI | {"has_more": True}),
        json.dumps(OPENAI).replace('"v1"', "null"),
        json.dumps(OPENAI).replace('"num_model_requests": 1', '"num_model_requests": -9'),
        json.dumps({"data": []}),
        CSV.replace("calls", "requests"),
        CSV.replace(",10,", ",ten,"),
        CSV.replace("v1", ""),
        CSV.replace(",2,10,5", ""),
        CSV.replace(",5\n", ",5,6\n"),
        "",
        "\xff",
        "[" * 10_000,
    ],
)
def test_what_is_no_whole_export_is_refused(content):
    with pytest.raises(InvalidInputError) as caught:
        read_export(content.encode("latin-1"))
    assert caught.value.code == "export-unreadable"


def test_an_export_at_its_limits_and_one_beyond():
    head, line = CSV.splitlines(keepends=True)
    assert read_export((head + line * ROWS_MAX).encode()) == (row(2 * ROWS_MAX, 10 * ROWS_MAX, 5 * ROWS_MAX),)
    padded = json.dumps(OPENAI).ljust(EXPORT_BYTES_MAX).encode()
    assert read_export(padded) == (row(2),)
    for beyond in ((head + line * (ROWS_MAX + 1)).encode(), padded + b" "):
        with pytest.raises(InvalidInputError, match="export can't be used"):
            read_export(beyond)
