"""Paths that hold: nothing of what an inspector forbids reaches a client, and what was withheld is sealed."""

import asyncio
import hashlib
import json
from contextlib import suppress

import pytest

from safeconduct.gateway.events import CALL_OUTCOME
from safeconduct.gateway.moves import CutWhy, End
from safeconduct.gateway.release import WINDOW_CHARACTERS
from safeconduct.kernel.errors import AbsentError
from support.call_ends import DONE, JSON_HEAD, STREAM_HEAD, ScriptedClient, ScriptedUpstream, Wait, request
from support.gateway_world import PATH, log_world
from support.inspecting import RefusesWords
from support.patience import PATIENCE_S
from support.programs import demo_program
from support.stand_in import answer, chunk

MODES = ["hold-window", "hold-all"]
SECRET = "forbidden"
SPLIT = [chunk("for"), chunk("bid"), chunk("den")]
LONG = chunk("x" * WINDOW_CHARACTERS)


def program(mode):
    return demo_program().replace(b"release: pass", b"release: " + mode.encode())


def held_call(mode, *script, stream=True, meanwhile=None, words=(SECRET,)):
    """Makes one call on a path of that mode; returns client, outcome event, and its sealed fields."""
    with log_world(program=program(mode)) as world:

        async def main():
            calls = world.calls(ScriptedUpstream(*script), inspector=RefusesWords(words))
            client = ScriptedClient()
            arrival = calls.arrival(PATH, dialect="openai.chat", token=world.tokens["ana"])
            task = asyncio.create_task(calls.run(arrival, request(stream=stream), client))
            if meanwhile is not None:
                await meanwhile(calls, client)
            await asyncio.wait_for(task, PATIENCE_S)
            return client

        client = asyncio.run(main())
        (entry,) = [entry for entry in world.entries() if entry.type == CALL_OUTCOME.name]
        return client, CALL_OUTCOME.read(entry), dict(sealed_of(world, entry))


def sealed_of(world, entry):
    for name in ("released", "kept"):
        with suppress(AbsentError):
            yield name, world.reader.open_field(entry.id, name).value.encode()


def words_of(data):
    return b"".join(line for line in data.split(b"\n\n") if line.startswith(b"data:"))


@pytest.mark.parametrize("mode", MODES)
def test_a_word_split_over_frames_and_reads_is_withheld_told_and_sealed(mode):
    client, outcome, sealed = held_call(mode, STREAM_HEAD, chunk("well, "), *SPLIT, DONE)
    body = client.data.partition(b": safeconduct-receipt")[0]
    assert b'"code":"released-withheld"' in body
    assert not any(part in body for part in SPLIT)
    assert DONE not in body
    assert (outcome.end, outcome.why, outcome.clause) == (End.WITHHELD, "released-withheld", f"words:{SECRET}")
    assert outcome.release == mode
    assert outcome.released_sha256 == hashlib.sha256(body).hexdigest()
    assert sealed["released"] == body
    assert SPLIT[0] in sealed["kept"]


@pytest.mark.parametrize("mode", MODES)
def test_while_frames_are_held_the_client_sees_that_the_stream_lives(mode):
    wait = Wait()

    async def look(calls, client):
        await wait.reached.wait()
        assert client.data == b":\n\n"
        wait.go.set()

    client, outcome, _ = held_call(mode, STREAM_HEAD, chunk("one "), wait, chunk("two "), DONE, meanwhile=look)
    assert words_of(client.data) == words_of(chunk("one ") + chunk("two ") + DONE)
    assert outcome.end is End.COMPLETED


def test_a_window_lets_go_what_is_far_enough_behind_and_hold_all_does_not():
    for mode, expected in (("hold-window", chunk("one ")), ("hold-all", b"")):
        wait = Wait()

        async def look(calls, client, wait=wait, expected=expected):
            await wait.reached.wait()
            assert words_of(client.data) == words_of(expected)
            wait.go.set()

        script = (STREAM_HEAD, chunk("one "), LONG, wait, DONE)
        client, _, _ = held_call(mode, *script, meanwhile=look)
        assert words_of(client.data) == words_of(chunk("one ") + LONG + DONE)


@pytest.mark.parametrize("mode", MODES)
def test_what_is_held_at_a_cut_is_sealed_and_what_went_is_hashed(mode):
    wait = Wait()

    async def cut(calls, client):
        await wait.reached.wait()
        (run,) = calls.running
        run.cut(CutWhy.FREEZE, "freeze:F")

    script = (STREAM_HEAD, chunk("one "), chunk("two "), wait)
    client, outcome, sealed = held_call(mode, *script, meanwhile=cut)
    assert (outcome.end, client.aborted) == (End.CUT, True)
    assert (sealed["kept"], sealed["released"]) == (chunk("one ") + chunk("two "), client.data)
    assert outcome.released_sha256 == hashlib.sha256(client.data).hexdigest()


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize(("text", "withheld"), [(f"it is {SECRET}", True), ("it is allowed", False)])
def test_a_json_answer_is_let_out_whole_or_not_at_all(mode, text, withheld):
    body = json.dumps(answer(text)).encode()
    client, outcome, sealed = held_call(mode, JSON_HEAD, body, stream=False)
    if withheld:
        assert (client.failure.code, client.failure.clause, client.data) == (
            "released-withheld",
            f"words:{SECRET}",
            b"",
        )
        assert (outcome.end, sealed["kept"], outcome.released_bytes) == (End.WITHHELD, body, 0)
    else:
        assert (client.data, outcome.end) == (body, End.COMPLETED)


def test_a_path_that_passes_asks_no_inspector():
    client, outcome, _ = held_call("pass", STREAM_HEAD, *SPLIT, DONE)
    assert words_of(client.data) == words_of(b"".join(SPLIT) + DONE)
    assert outcome.end is End.COMPLETED
