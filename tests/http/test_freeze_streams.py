"""A freeze over 64 running streams, measured where it counts: at the callers' sockets, a slow reader among them."""

import asyncio

from safeconduct.gateway.events import CALL_OUTCOME
from safeconduct.gateway.moves import End
from support.gateway_world import PATH
from support.streams import frozen_midway
from support.wire import wire

STREAMS = 64
CUT_S = 2.0  # 250 ms is what `make bench ONLY=freeze` measures; here the machine may be busy with other tests


def test_a_freeze_cuts_64_streams_and_what_each_caller_got_is_what_the_log_says_was_released():
    with wire() as gate:

        async def freeze(_readers):
            return await asyncio.wrap_future(gate.world.writer.submit(gate.world.freeze_command(f"path:{PATH}")))

        readers, ordered_at = asyncio.run(
            frozen_midway(gate.port, gate.world.tokens["ana"], ["do:paced"] * (STREAMS - 1), freeze)
        )
        assert max(reader.last_at - ordered_at for reader in readers if not reader.slow) < CUT_S
        (report,) = gate.calls.reports
        assert len(report.cut_at) == STREAMS
        assert report.slowest_ms < CUT_S * 1000
        released = ended(gate)
        assert len(released) == STREAMS
        for reader in readers:
            assert released[call_of(reader)].startswith(reader.body)
            assert b"[DONE]" not in reader.body
        assert b"y" * 1000 in readers[-1].body  # the slow one was in the middle of it


def ended(gate):
    """Returns what the log says each cut call released."""
    gate.server.should_exit = True
    gate._thread.join(20)
    found = {}
    for entry in gate.world.entries():
        if entry.type == CALL_OUTCOME.name:
            event = CALL_OUTCOME.read(entry)
            assert (event.end, event.why) == (End.CUT, "freeze")
            found[event.call] = gate.world.reader.open_field(entry.id, "released").value.encode()
    return found


def call_of(reader):
    return reader.received.lower().split(b"safeconduct-call: ")[1].split(b"\r\n")[0].decode().upper()
