"""Sixty-four connections at once, on every way a call can go: each answer, and each entry, belongs to its request."""

import asyncio
import hashlib
import json
import os
import random
import re
from collections import Counter
from dataclasses import dataclass, field

import pytest

from safeconduct.gateway.events import CALL_INTENT, CALL_OUTCOME
from support.gateway_world import MODEL
from support.patience import PATIENCE_S
from support.tagged import TAG, TaggedAnthropic, TaggedStandIn, tag_of
from support.two_vendors import ROUTES, STREAMED, BothClients, BothStandIns, body_of, program
from support.wire import post, wire

CALLS = 100_000 if os.environ.get("SAFECONDUCT_LONG") else 2000
CONNECTIONS = 64
LEAVING = 1 / 8  # of the calls; each ends its connection
_RECEIPT = re.compile(rb": safeconduct-receipt [^\n]*\n\n$")
_CALL = re.compile(rb"safeconduct-call: (\w{26})")


@dataclass
class Seen:
    """What came back: of whole answers the hash by call, and who asked; of all the number by way.

    `failed` are errors: on a machine that stands still for seconds a connection to the model server may come too late.
    """

    released: dict = field(default_factory=dict)
    asked_by: dict = field(default_factory=dict)
    whole: Counter = field(default_factory=Counter)
    left: int = 0
    failed: int = 0


@dataclass(frozen=True)
class Asked:
    """One call: which way, by whom, and what its answer must bear."""

    number: int
    way: str
    stream: bool
    principal: str

    def request(self, tokens):
        body = json.dumps(body_of(self.way, tag_of(self.number), stream=self.stream, model=MODEL)).encode()
        return post(tokens[self.principal], body, path=ROUTES[self.way])

    def check(self, received, *, whole):
        """Holds what came, or the part of it that came, to bear this call's tag and no other."""
        tags = set(TAG.findall(received))
        own = {f"{self.number:07}".encode()}
        if self.way == "count":
            assert not tags
            assert not whole or json.loads(received.partition(b"\r\n\r\n")[2]) == {"input_tokens": self.number}
        else:
            assert tags == own if whole else tags <= own, (self, received)


async def talk(port, tokens, asked, dice, seen):
    """Asks one call after the other over one connection, and again over another after it has left."""
    reader = writer = None
    for one in asked:
        if writer is None:
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(one.request(tokens))
        if dice.random() < LEAVING:
            one.check(await _part(reader, dice), whole=False)
            writer.transport.abort()
            writer, seen.left = None, seen.left + 1
            continue
        head, body = await _whole(reader)
        if not head.startswith(b"HTTP/1.1 200"):
            assert not TAG.findall(head + body)
            seen.failed += 1
            continue
        one.check(head + body, whole=True)
        call = _CALL.search(head)[1].decode()
        assert call not in seen.released
        seen.released[call] = hashlib.sha256(_RECEIPT.sub(b"", body)).hexdigest()
        seen.asked_by[call] = one
        seen.whole[one.way, one.stream] += 1
    if writer is not None:
        writer.close()


async def _whole(reader):
    head = await reader.readuntil(b"\r\n\r\n")
    length = re.search(rb"content-length: (\d+)", head)
    if length:
        return head, await reader.readexactly(int(length[1]))
    body = b""
    while size := int(await reader.readuntil(b"\r\n"), 16):
        body += (await reader.readexactly(size + 2))[:-2]
    await reader.readexactly(2)
    return head, body


async def _part(reader, dice):
    received = b""
    for _ in range(dice.randrange(3)):
        received += await reader.read(400)
    return received


def drawn(count, dice):
    """Returns for each connection what it asks."""
    ways = sorted(ROUTES)
    asked = [[] for _ in range(CONNECTIONS)]
    for number in range(count):
        way = dice.choice(ways)
        stream = way in STREAMED and dice.random() < 0.5
        one = Asked(number, way, stream, dice.choice(("ana", "triage-service")))
        asked[number % CONNECTIONS].append(one)
    return asked


async def load(port, tokens, count):
    dice, seen = random.Random(20261122), Seen()  # noqa: S311 - repeatable
    async with asyncio.TaskGroup() as tasks:
        for asked in drawn(count, dice):
            tasks.create_task(talk(port, tokens, asked, random.Random(dice.random()), seen))  # noqa: S311
    return seen


def check_entries(world, seen):
    """Holds the log to say of each whole answer who got it, and what it was."""
    found = Counter()
    for entry in world.entries():
        if entry.type == CALL_INTENT.name and entry.id in seen.released:
            assert CALL_INTENT.read(entry).principal == seen.asked_by[entry.id].principal
            found["intents"] += 1
        elif entry.type == CALL_OUTCOME.name and entry.body["call"] in seen.released:
            outcome = CALL_OUTCOME.read(entry)
            assert outcome.released_sha256 == seen.released[outcome.call]
            found["outcomes"] += 1
    assert found == {"intents": len(seen.released), "outcomes": len(seen.released)}


def test_every_answer_belongs_to_its_request(tmp_path):
    servers = BothStandIns(TaggedStandIn, TaggedAnthropic)
    with wire(tmp_path, program=program(), model_server=servers, client=BothClients) as gate:
        seen = asyncio.run(load(gate.port, gate.world.tokens, CALLS))
        gate.server.should_exit = True
        gate._thread.join(PATIENCE_S)
        check_entries(gate.world, seen)
    assert sum(seen.whole.values()) + seen.left + seen.failed == CALLS
    assert seen.failed < CALLS / 20
    assert seen.left > CALLS * LEAVING / 2
    assert len(seen.whole) == len(ROUTES) + len(STREAMED)


def test_an_answer_of_another_request_is_found():
    one = Asked(7, "chat", stream=False, principal="ana")
    one.check(b'{"x":"tag-0000007-"}', whole=True)
    with pytest.raises(AssertionError):
        one.check(b'{"x":"tag-0000007-","y":"tag-0000008-"}', whole=True)
    with pytest.raises(AssertionError):
        one.check(b'{"y":"tag-0000008-"}', whole=False)
    with pytest.raises(AssertionError):
        Asked(7, "count", stream=False, principal="ana").check(b'\r\n\r\n{"input_tokens":8}', whole=True)
