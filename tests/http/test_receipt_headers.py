"""What a request made durable is told in its answer's headers, and in no other's."""

import asyncio

import pytest

from safeconduct.http.control.receipts import RECEIPTS_MAX, ReceiptHeaders, give
from safeconduct.ledger.receipts import receipt_text
from support.promises import receipts


def answered(given, *, fails=False):
    sent = []

    async def app(_scope, _receive, send):
        for some in given:
            give(some)
            await asyncio.sleep(0)
        await send({"type": "http.response.start", "status": 500 if fails else 200, "headers": [(b"a", b"b")]})
        await send({"type": "http.response.body", "body": b""})

    async def send(message):
        sent.append(message)

    asyncio.run(ReceiptHeaders(app)({"type": "http"}, None, send))
    names = [name for name, _value in sent[0]["headers"]]
    assert names[0] == b"a"
    return [value.decode() for name, value in sent[0]["headers"] if name == b"safeconduct-receipt"]


@pytest.mark.parametrize("fails", [False, True])
def test_each_entry_has_its_header_also_where_the_request_then_fails(fails):
    first, second, third = receipts("a", "b", "c")
    assert answered([[first], [second, third]], fails=fails) == [receipt_text(one) for one in (first, second, third)]
    assert answered([]) == []


@pytest.mark.parametrize("count", [RECEIPTS_MAX, RECEIPTS_MAX + 1])
def test_the_last_ones_are_told(count):
    given = [one._replace() for one in receipts(*range(count))]
    assert answered([given]) == [receipt_text(one) for one in given[-RECEIPTS_MAX:]]


def test_two_requests_at_once_are_told_their_own():
    async def one(name):
        sent = []

        async def app(_scope, _receive, send):
            give(receipts(name))
            await asyncio.sleep(0.01)
            await send({"type": "http.response.start", "status": 200, "headers": []})

        async def keep(message):
            sent.append(message)

        await ReceiptHeaders(app)({"type": "http"}, None, keep)
        return [value.decode() for _name, value in sent[0]["headers"]]

    async def both():
        return await asyncio.gather(one("a"), one("b"))

    assert asyncio.run(both()) == [[receipt_text(receipts(name)[0])] for name in "ab"]


def test_what_is_given_outside_a_request_is_told_in_none():
    give(receipts("a"))
    assert answered([receipts("b")]) == [receipt_text(one) for one in receipts("b")]
