"""Telemetry that log shippers push by a service's token: who may, what comes of it, and what can't be taken."""

import asyncio
import contextlib
import gzip
import json

import pytest

from safeconduct.access.records import FREEZES
from safeconduct.adapters.telemetry import batches, gathering
from safeconduct.adapters.telemetry.batches import BATCH_BYTES_MAX
from safeconduct.adapters.telemetry.lines import LINE_BYTES_MAX
from safeconduct.http.control import streams
from safeconduct.kernel.errors import LimitedError
from safeconduct.kernel.instants import seconds
from support.programs import bring_into_force, demo_program
from support.shippers import PLACE, ShippingHouse, frozen, record, revoked, shipping_program, token_of
from support.telemetry import auth


@pytest.fixture
def house(tmp_path):
    return ShippingHouse(tmp_path)


def counts(house):
    return dict(house.events.counts())


def test_a_batch_is_kept_read_recorded_and_answered_for(house):
    lines = record(1) + record(2) + b"{broken\n"
    status, told = house.ship(lines)
    assert (status, told["records"], told["recorded"]) == (200, 3, True)
    file = told["file"]
    assert (file["name"], file["events"], file["new"], file["dead"]) == ("firewall", {"json": 2}, 2, {"json-broken": 1})
    (entry,) = house.entries()
    assert (entry.body["by"], entry.body["owner"], entry.body["digest"]) == ("collector", "", file["digest"])
    assert (house.folder / "raw" / file["digest"]).read_bytes() == lines
    (dead,) = house.get(f"telemetry/{file['digest']}/dead-letters")[1]
    assert (dead["line"], dead["code"]) == (3, "json-broken")


def test_what_is_sent_again_is_nothing_new(house):
    assert house.ship(record(1) + record(2))[1]["file"]["new"] == 2
    status, told = house.ship(record(1) + record(2))
    assert (status, told["recorded"], told["file"]["new"]) == (200, False, 0)
    assert house.ship(record(2) + record(3))[1]["file"]["new"] == 1
    assert counts(house) == {"json": 3}


@pytest.mark.parametrize(
    ("body", "headers", "events"),
    [
        (json.dumps([json.loads(record(1)), json.loads(record(2))], indent=2).encode(), {}, {"json": 2}),
        (b"[" + record(1).strip() + b"," + record(2).strip() + b"]", {"content_type": "application/json"}, {"json": 2}),
        (f"{auth('sshd[1]', 'a')}\n{auth('sshd[1]', 'b')}".encode(), {"content_type": "text/plain"}, {"auth": 2}),
        (
            gzip.compress(record(1), mtime=0) + gzip.compress(record(2), mtime=0),
            {"content_encoding": "gzip"},
            {"json": 2},
        ),
        (record(1) + b'{"n": "\0"}\n' + record(2), {}, {"json": 2}),
    ],
)
def test_each_way_in_which_shippers_write_batches_is_read(house, body, headers, events):
    status, told = house.ship(body, **headers)
    assert (status, told["file"]["events"]) == (200, events)


def test_a_list_has_the_events_that_its_lines_would_have(house):
    assert house.ship(b"[" + record(1).strip() + b",\n" + record(2).strip() + b"]")[1]["file"]["new"] == 2
    assert house.ship(record(1) + record(2))[1]["file"]["new"] == 0


def test_a_list_that_is_cut_is_read_as_far_as_it_goes(house):
    status, told = house.ship(b"[" + record(1) + b"," + record(2).strip()[:-3])
    assert (status, told["file"]["events"], told["file"]["dead"]) == (200, {"json": 1}, {"line-cut": 1})


def test_lines_of_no_known_form_are_dead_letters_and_not_lost(house):
    status, told = house.ship(b"what is this\n", content_type="text/plain")
    assert (status, told["file"]["dead"]) == (200, {"syslog-form": 1})


def test_a_batch_of_nothing_is_taken_and_is_nothing(house):
    assert house.ship(b"\n \n") == (200, {"records": 0, "file": None, "recorded": False})
    assert house.entries() == []


def test_a_line_over_the_limit_is_set_aside_and_the_rest_goes_on(house):
    at_limit = record(1, pad="x" * (LINE_BYTES_MAX - len(record(1, pad="")) + 1))
    beyond = record(2, pad="x" * (LINE_BYTES_MAX - len(record(2, pad="")) + 2))
    assert (len(at_limit), len(beyond)) == (LINE_BYTES_MAX + 1, LINE_BYTES_MAX + 2)  # with their line feeds
    status, told = house.ship(at_limit + beyond + record(3))
    assert (status, told["file"]["events"], told["file"]["dead"]) == (200, {"json": 2}, {"line-too-long": 1})
    huge = record(4, pad="x" * 10_000_000)
    status, told = house.ship(gzip.compress(huge + record(5)), content_encoding="gzip")
    assert (status, told["file"]["events"], told["file"]["dead"]) == (200, {"json": 1}, {"line-too-long": 1})


@pytest.mark.parametrize("packed", [True, False])
def test_a_batch_has_so_many_bytes_and_not_one_more(house, packed):
    for size, expected in ((BATCH_BYTES_MAX, 200), (BATCH_BYTES_MAX + 1, 413)):
        body = (record(1) + b" " * size)[:size]
        sent, headers = (gzip.compress(body), {"content_encoding": "gzip"}) if packed else (body, {})
        status, told = house.ship(sent, **headers)
        assert status == expected, told
    assert counts(house) == {"json": 1}


def test_a_bomb_is_refused_and_leaves_nothing(house):
    bomb = gzip.compress(b"\n" * 100_000_000)
    assert len(bomb) < BATCH_BYTES_MAX
    status, told = house.ship(bomb, content_encoding="gzip")
    assert (status, told["code"]) == (413, "too-large")
    assert (counts(house), house.entries()) == ({}, [])


def test_a_batch_of_too_many_records_is_refused(house, monkeypatch):
    monkeypatch.setattr(batches, "BATCH_LINES_MAX", 2)
    assert house.ship(record(1) + record(2))[0] == 200
    status, told = house.ship(record(3) * 3)
    assert (status, told["code"], counts(house)) == (413, "too-large", {"json": 2})


@pytest.mark.parametrize(
    ("body", "place", "headers", "code"),
    [
        (record(1), PLACE, {"content_type": "image/png"}, "wrong-content-type"),
        (record(1), PLACE, {"content_type": ""}, "wrong-content-type"),
        (record(1), PLACE, {"content_encoding": "br"}, "content-encoding-not-taken"),
        (record(1), PLACE, {"content_encoding": "gzip"}, "body-broken"),
        (gzip.compress(record(1), mtime=0)[:-4], PLACE, {"content_encoding": "gzip"}, "body-broken"),
        (record(1), PLACE + "_X", {}, "stream-name"),
        (record(1), "/api/v1/telemetry/streams/" + "x" * 65, {}, "stream-name"),
        (b"node=a type=SYSCALL msg=audit(1795287091.000:1): a=1\n", PLACE, {}, "stream-form"),
        (b"\x1f\x8b\x08rest", PLACE, {}, "telemetry-compressed"),
    ],
)
def test_what_is_no_batch_is_refused_and_leaves_nothing(house, body, place, headers, code):
    status, told = house.ship(body, place=place, **headers)
    assert (status, told["code"]) == (400, code)
    assert (counts(house), house.entries(), list((house.folder / "raw").iterdir())) == ({}, [], [])


def test_only_a_token_of_a_service_that_ships_sends_anything(house):
    for token, expected in (
        ("", (401, "token-unknown")),
        ("sck_x", (401, "token-unknown")),
        ("local", (401, "token-unknown")),
        (token_of(house.writer, "triage-service").secret, (403, "may-not-ship")),
        (token_of(house.writer, "ana").secret, (403, "may-not-ship")),
    ):
        status, told = house.ship(record(1), token=token)
        assert (status, told["code"]) == expected
    assert counts(house) == {}


def test_a_token_that_expired_or_was_revoked_sends_nothing(house):
    short = token_of(house.writer, lives_s=60)
    assert house.ship(record(1), token=short.secret)[0] == 200
    house.writer.now += seconds(60)
    status, told = house.ship(record(2), token=short.secret)
    assert (status, told["code"]) == (401, "token-expired")
    assert house.ship(record(2))[0] == 200
    revoked(house.writer, house.token)
    status, told = house.ship(record(3))
    assert (status, told["code"]) == (401, "token-unknown")
    assert counts(house) == {"json": 2}


@pytest.mark.parametrize(
    ("selector", "stops"),
    [("principal:collector", True), ("organization:northwind", True), ("principal:triage-service", False),
     ("all", False), ("path:soc-triage", False)],
)  # fmt: skip
def test_a_freeze_of_the_service_stops_it_and_one_of_calls_does_not(house, selector, stops):
    frozen(house.writer, selector)
    status, told = house.ship(record(1))
    assert (status, told.get("code")) == ((403, "shipper-frozen") if stops else (200, None))


def test_a_freeze_of_its_token_stops_that_one(house):
    frozen(house.writer, f"key:{house.token.id}")
    assert house.ship(record(1))[1]["code"] == "shipper-frozen"
    assert house.ship(record(1), token=token_of(house.writer).secret)[0] == 200


def test_a_service_that_ships_no_more_has_no_token_left(house):
    bring_into_force(house.writer, shipping_program(ships="false"))
    assert house.ship(record(1))[1]["code"] == "token-unknown"
    status, told = house.ship(record(1), token=token_of(house.writer).secret)
    assert (status, told["code"]) == (403, "may-not-ship")


def test_the_providers_service_ships_the_providers_telemetry(tmp_path):
    row = b"  watcher: {organization: meridian, kind: service, sponsor: ops, ships: true}\n"
    house = ShippingHouse(tmp_path, shipping_program(more=row.decode()))
    status, told = house.ship(record(1), token=token_of(house.writer, "watcher", by="ops").secret)
    assert (status, told["file"]["new"], counts(house)) == (200, 1, {})
    (entry,) = house.entries()
    assert (entry.body["owner"], entry.body["by"]) == ("meridian", "watcher")


def test_who_is_frozen_while_the_body_comes_sends_nothing(house):
    """Attack: a batch begins to come before the freeze, and ends after it."""
    parts = [record(1), record(2)]

    async def receive():
        if len(parts) == 1:
            frozen(house.writer, "principal:collector")
        return {"type": "http.request", "body": parts.pop(0), "more_body": bool(parts)}

    assert asyncio.run(sent(house, receive)) == 403
    assert [str(freeze.selector) for _, freeze in house.writer.state.scan(FREEZES)] == ["principal:collector"]
    assert counts(house) == {}


def test_a_body_that_its_sender_cuts_is_nothing(house):
    messages = [
        {"type": "http.request", "body": record(1), "more_body": True},
        {"type": "http.disconnect"},
    ]

    async def receive():
        return messages.pop(0)

    assert asyncio.run(sent(house, receive)) == 400
    assert (counts(house), house.entries()) == ({}, [])


def test_a_body_that_never_ends_is_let_go(house, monkeypatch):
    monkeypatch.setattr(streams, "BODY_S", 0.01)

    async def receive():
        await asyncio.Event().wait()

    assert asyncio.run(sent(house, receive)) == 400
    assert counts(house) == {}


def test_batches_that_come_together_are_one_file_and_one_entry(house):
    async def both():
        first = house.shipped(record(0))
        several = [house.shipped(record(number) + record(9)) for number in range(1, 4)]
        return await asyncio.gather(first, *several)

    answers = asyncio.run(both())
    assert [status for status, _ in answers] == [200] * 4
    assert len(house.entries()) < 4
    assert {told["file"]["digest"] for _, told in answers} == {entry.body["digest"] for entry in house.entries()}
    assert counts(house) == {"json": 5}


def test_the_same_batch_twice_at_once_is_one(house):
    """A shipper that hears nothing sends again while the first is still waiting: a fault, and no second event."""
    twice = record(1) + record(1) + record(2)

    async def both():
        return await asyncio.gather(*(house.shipped(twice) for _ in range(3)))

    assert [status for status, _ in asyncio.run(both())] == [200] * 3
    assert counts(house) == {"json": 3}  # a record that stands twice in one batch is two events, as in a file


def test_two_shippers_at_once_each_stand_in_the_log(tmp_path):
    row = "  collector-2: {organization: northwind, kind: service, sponsor: ana, ships: true}\n"
    house = ShippingHouse(tmp_path, shipping_program(more=row))
    second = token_of(house.writer, "collector-2")

    async def both():
        return await asyncio.gather(house.shipped(record(1)), house.shipped(record(2), token=second.secret))

    assert [status for status, _ in asyncio.run(both())] == [200, 200]
    assert {entry.body["by"] for entry in house.entries()} == {"collector", "collector-2"}
    assert counts(house) == {"json": 2}


def test_who_is_frozen_while_their_batch_waits_sends_nothing_and_others_do(tmp_path):
    house = ShippingHouse(tmp_path)
    second = token_of(house.writer)

    async def both():
        await house.shipped(record(0))
        waiting = asyncio.create_task(house.shipped(record(1)))
        other = asyncio.create_task(house.shipped(record(2), token=second.secret))
        await asyncio.sleep(0)
        revoked(house.writer, house.token)
        return await asyncio.gather(waiting, other)

    (status, told), (other, _) = asyncio.run(both())
    assert (status, told["code"], other) == (401, "token-unknown", 200)
    assert counts(house) == {"json": 2}


def test_a_bound_of_waiting_bytes_answers_429_and_when_to_come_again(house, monkeypatch):
    body = record(1)
    monkeypatch.setattr(gathering, "WAITING_BYTES_MAX", len(body) - 1)
    status, told = house.ship(body)
    assert (status, told["code"]) == (429, "stream-waiting")
    monkeypatch.setattr(gathering, "WAITING_BYTES_MAX", len(body))
    assert house.ship(body)[0] == 200
    assert house.ship(record(2))[0] == 200  # what was held was let go


def test_the_answer_429_has_the_header_that_shippers_wait_by(house, monkeypatch):
    monkeypatch.setattr(gathering, "WAITING_BYTES_MAX", 0)
    told = {}

    async def receive():
        return {"type": "http.request", "body": record(1), "more_body": False}

    assert asyncio.run(sent(house, receive, told)) == 429
    assert told[b"retry-after"] == b"%d" % gathering.RETRY_AFTER_S


def test_what_one_owner_has_waiting_takes_no_room_from_another():
    held = gathering.Gathering()
    with contextlib.ExitStack() as stack:
        stack.enter_context(held.room(""))(gathering.WAITING_BYTES_MAX)
        stack.enter_context(held.room("meridian"))(gathering.WAITING_BYTES_MAX)
        with pytest.raises(LimitedError) as caught:
            stack.enter_context(held.room(""))(1)
    assert caught.value.retry_after_s == gathering.RETRY_AFTER_S
    with held.room("") as count:
        count(gathering.WAITING_BYTES_MAX)


def test_the_demos_program_ships_nothing_until_it_says_so(tmp_path):
    house = ShippingHouse(tmp_path)
    bring_into_force(house.writer, demo_program())
    assert house.ship(record(1))[1]["code"] == "token-unknown"


async def sent(house, receive, told=None):
    """Sends a request whose body `receive` brings; returns the status, and puts the headers in `told`."""
    status = []

    async def send(message):
        if message["type"] == "http.response.start":
            status.append(message["status"])
            (told if told is not None else {}).update(dict(message["headers"]))

    headers = [(b"authorization", f"Bearer {house.token.secret}".encode()), (b"content-type", b"application/json")]
    scope = {
        "type": "http", "asgi": {"version": "3.0", "spec_version": "2.4"}, "http_version": "1.1", "method": "POST",
        "scheme": "http", "path": PLACE, "raw_path": PLACE.encode(), "root_path": "", "query_string": b"",
        "headers": headers, "server": ("127.0.0.1", 1), "client": ("127.0.0.1", 2),
    }  # fmt: skip
    await house.app(scope, receive, send)
    return status[0]
