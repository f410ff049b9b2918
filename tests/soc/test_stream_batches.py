"""Batches of log shippers as records, and several of them as one file."""

import asyncio
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from safeconduct.adapters.telemetry.batches import BATCH_LINES_MAX, Batch, batch_of, merged
from safeconduct.adapters.telemetry.forms import Form
from safeconduct.adapters.telemetry.gathering import Gathering
from safeconduct.kernel.errors import RefusedError, TooLargeError
from support.patience import PATIENCE_S

LINES = st.lists(st.sampled_from([b"a\n", b"b\n", b"c\n"]), max_size=6)


def batch(lines):
    return Batch(Form.JSON, tuple(lines))


@given(st.lists(LINES, max_size=4))
def test_in_one_file_a_record_stands_as_often_as_in_the_batch_that_has_most_of_it(several):
    most = Counter()
    for lines in several:
        most |= Counter(lines)
    assert Counter(merged(map(batch, several)).splitlines(keepends=True)) == most


@given(st.lists(LINES, max_size=4), st.data())
def test_a_batch_that_comes_again_changes_nothing(several, data):
    sent = list(map(batch, several))
    again = [*sent, data.draw(st.sampled_from(sent))] if sent else sent
    assert merged(again) == merged(sent)


def test_records_stand_in_the_order_in_which_they_came():
    assert merged([batch([b"b\n", b"a\n"]), batch([b"a\n", b"c\n"])]) == b"b\na\nc\n"


def test_a_batch_has_so_many_records_and_not_one_more():
    line = b'{"time": 1795287091}\n'
    assert len(batch_of(line * BATCH_LINES_MAX).lines) == BATCH_LINES_MAX
    with pytest.raises(TooLargeError):
        batch_of(line * (BATCH_LINES_MAX + 1))


def test_line_ends_of_other_systems_are_no_part_of_a_record():
    assert batch_of(b'{"time": 1}\r\n\r\n{"time": 2}').lines == (b'{"time": 1}\n', b'{"time": 2}\n')
    assert batch_of(b'[{"time": 1,\r\n "a": "\\n"}]').lines == (b'{"time": 1,   "a": "\\n"}\n',)


def test_bytes_that_are_no_utf8_stay_what_they_are():
    assert batch_of(b'[{"time": 1, "a": "\xff"}]').lines == (b'{"time": 1, "a": "\xff"}\n',)


@pytest.mark.parametrize("body", [b"", b" \r\n", b"\n\n"])
def test_nothing_is_no_batch(body):
    assert batch_of(body) is None


@pytest.mark.parametrize("error", [RefusedError("frozen", code="shipper-frozen"), KeyError("a fault of ours")])
def test_whose_check_fails_is_told_and_the_others_are_taken_in(error):
    async def refused():
        raise error

    async def allowed():
        pass

    async def take(batches):
        return len(batches)

    async def both():
        held = Gathering(0.05)
        async with asyncio.timeout(PATIENCE_S):
            sent = (held.send("web", batch([b"a\n"]), check, take) for check in (refused, allowed))
            first = await asyncio.gather(*sent, return_exceptions=True)
            return first, await held.send("web", batch([b"b\n"]), allowed, take)

    assert asyncio.run(both()) == ([error, 1], 1)
