"""The upstream is the judge: it looks into the log, over a connection of its own, before it answers anything."""

import asyncio
import hashlib
import json
import os
import random
import sqlite3
from collections import Counter

import pytest

from safeconduct.gateway.events import CALL_INTENT, CALL_OUTCOME, OPEN_CALLS
from safeconduct.gateway.moves import End
from safeconduct.kernel.errors import InvalidInputError
from safeconduct.ledger.merkle import ProofError, leaf_hash, verify_inclusion
from safeconduct.ledger.receipts import parse_receipt, verify_receipt
from safeconduct.runtime.intending import Intending
from support.call_ends import request
from support.gateway_world import AGREEMENT, SIGNERS
from support.patience import PATIENCE_S
from support.wire import post, wire

CALLS = 10_000 if os.environ.get("SAFECONDUCT_LONG") else 2000
AT_ONCE = 32


class Judge:
    """Fails each request whose intent is not committed, as any other process would see it."""

    def __init__(self, database):
        self.database = database
        self.asked = 0
        self.without_intent = []
        self._known = {}

    def __call__(self, body):
        self.asked += 1
        sent = hashlib.sha256(body).hexdigest()
        if sent not in self._known:
            self._read()
        if sent not in self._known:
            self.without_intent.append(body)

    def _read(self):
        uri = f"file:{self.database}?mode=ro"
        connection = sqlite3.connect(uri, uri=True)
        try:
            leaves = connection.execute(
                "SELECT leaf FROM entries JOIN logs ON logs.number = entries.log WHERE origin = ? AND idx >= ?",
                (AGREEMENT, self._known.get("size", 0)),
            ).fetchall()
        finally:
            connection.close()
        for (leaf,) in leaves:
            entry = json.loads(leaf)
            if entry["type"] == CALL_INTENT.name:
                self._known[entry["body"]["sent_sha256"]] = entry["id"]
        self._known["size"] = self._known.get("size", 0) + len(leaves)


async def one_client(port, token, number, dice):
    """Makes one call and returns the receipts it kept. A third leave at a random point."""
    stream = dice.random() < 0.5
    leaves_after = dice.choice([0, 1, 2, 3, 4]) if dice.random() < 1 / 3 else None
    text = f"do:slow {number}" if stream else f"call {number}"
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(post(token, request(text=text, stream=stream, max_tokens=9), headers=["connection: close"]))
    received = b""
    try:
        if leaves_after == 0:
            await asyncio.sleep(dice.random() * 0.02)
            return []
        reads = 0
        while data := await reader.read(4096):
            received += data
            reads += 1
            if reads == leaves_after and stream:
                break
    finally:
        writer.transport.abort()
    lines = received.replace(b": safeconduct-receipt ", b"safeconduct-receipt: ").split(b"\n")
    kept = [line.partition(b": ")[2].strip() for line in lines if line.startswith(b"safeconduct-receipt: ")]
    assert kept or not received, received
    return [receipt for text in kept if (receipt := whole(text)) is not None]


def whole(text):
    """Returns the receipt, or None for one that was cut when its reader left."""
    try:
        return parse_receipt(text.decode())
    except InvalidInputError:
        return None


async def load(port, token, count):
    gate, dice = asyncio.Semaphore(AT_ONCE), random.Random(20261121)  # noqa: S311 - repeatable

    async def bounded(number):
        async with gate:
            return await one_client(port, token, number, random.Random(dice.random()))  # noqa: S311

    return [receipt for kept in await asyncio.gather(*map(bounded, range(count))) for receipt in kept]


def judged(folder, count):
    judge = Judge(folder / "safeconduct.db")
    with wire(folder, judge=judge) as gate:
        kept = asyncio.run(load(gate.port, gate.world.tokens["ana"], count))
        gate.server.should_exit = True
        gate._thread.join(PATIENCE_S)
        check_receipts(gate.world, kept)
        ends = check_outcomes(gate.world)
    return judge, kept, ends


def check_receipts(world, kept):
    for receipt in kept:
        evidence = world.reader.evidence(receipt.entry_id)
        assert leaf_hash(evidence.leaf) == receipt.leaf_hash
        assert evidence.index == receipt.index
        signed = evidence.checkpoint.checkpoint
        verify_inclusion(receipt.index, signed.size, receipt.leaf_hash, evidence.proof, signed.root)
        verify_receipt(receipt, [SIGNERS[receipt.origin].verifier])


def check_outcomes(world):
    intents, outcomes = Counter(), Counter()
    ends = Counter()
    for entry in world.entries():
        if entry.type == CALL_INTENT.name:
            intents[entry.id] += 1
        elif entry.type == CALL_OUTCOME.name:
            outcomes[entry.body["call"]] += 1
            ends[entry.body["end"]] += 1
    assert intents == outcomes
    assert set(intents.values()) == {1}
    with world.store.snapshot() as records:
        assert list(records.scan(OPEN_CALLS)) == []
    return ends


def test_no_call_reaches_the_upstream_before_its_intent_is_committed(tmp_path):
    judge, kept, ends = judged(tmp_path, CALLS)
    assert judge.without_intent == []
    assert judge.asked > CALLS * 0.8
    assert len(kept) > CALLS
    assert ends[End.CUT] > CALLS / 20
    assert ends[End.COMPLETED] > CALLS / 2
    assert set(ends) == {End.CUT, End.COMPLETED}


def test_the_judge_finds_a_dispatch_before_the_append(tmp_path, monkeypatch):
    honest = Intending.append

    async def hasty(self, replaced):
        upstream = self._calls.upstreams[self.prepared.path.providers[0].upstream]
        early = upstream.exchange(self.prepared.ask)
        await early.head()
        early.close()
        return await honest(self, replaced)

    monkeypatch.setattr(Intending, "append", hasty)
    judge, _, _ = judged(tmp_path, 20)
    assert len(judge.without_intent) > 5


@pytest.mark.parametrize("wrong", ["leaf_hash", "index", "position"])
def test_a_receipt_that_was_made_up_is_not_proven(tmp_path, wrong):
    judge = Judge(tmp_path / "safeconduct.db")
    with wire(tmp_path, judge=judge) as gate:
        kept = asyncio.run(load(gate.port, gate.world.tokens["ana"], 4))
        receipt = kept[0]
        values = receipt._asdict()
        values[wrong] = bytes(32) if wrong == "leaf_hash" else values[wrong] + 1
        with pytest.raises((AssertionError, ProofError)):
            check_receipts(gate.world, [type(receipt)(**values)])
