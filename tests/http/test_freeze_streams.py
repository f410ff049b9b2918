"""Streams at the callers' sockets: a freeze over 64 of them, and a caller that does not read.

What a caller gets is measured where it counts, with a slow reader among them.
"""

import asyncio
import socket
import time

from safeconduct.gateway.events import CALL_OUTCOME
from safeconduct.gateway.moves import End
from safeconduct.http.connection import SEND_BUFFER_BYTES, WRITE_LIMIT_BYTES
from support.call_ends import request
from support.gateway_world import PATH
from support.patience import PATIENCE_S
from support.streams import body_of, frozen_midway
from support.wire import post, wire

STREAMS = 64
FLOOD_FRAMES = 2000  # of stand_in's `flood`, a KB each
HELD_BYTES_MAX = 2 * SEND_BUFFER_BYTES + WRITE_LIMIT_BYTES + 256 * 1024  # ours, and two reads of the upstream
CUT_S = PATIENCE_S / 2
"""Far more than it takes, however busy the machine is; `make bench ONLY=freeze` measures that."""


def test_a_freeze_cuts_64_streams_and_what_each_caller_got_is_what_the_log_says_was_released():
    with wire() as gate:

        async def freeze(_readers):
            return await asyncio.wrap_future(gate.world.writer.submit(gate.world.freeze_command(f"path:{PATH}")))

        readers, ordered_at = asyncio.run(
            frozen_midway(gate.port, gate.world.tokens["ana"], ["do:paced"] * (STREAMS - 1), freeze)
        )
        assert max(reader.last_at - ordered_at for reader in readers if not reader.slow) < CUT_S
        (report,) = gate.calls.running.reports
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
    gate._thread.join(PATIENCE_S)
    found = {}
    for entry in gate.world.entries():
        if entry.type == CALL_OUTCOME.name:
            event = CALL_OUTCOME.read(entry)
            assert (event.end, event.why) == (End.CUT, "freeze")
            found[event.call] = gate.world.reader.open_field(entry.id, "released").value.encode()
    return found


def call_of(reader):
    return reader.received.lower().split(b"safeconduct-call: ")[1].split(b"\r\n")[0].decode().upper()


def test_a_caller_that_does_not_read_stops_the_reading_of_its_upstream_and_loses_nothing():
    with wire() as gate, socket.socket() as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8192)
        connection.connect(("127.0.0.1", gate.port))
        connection.settimeout(PATIENCE_S)
        connection.sendall(post(gate.world.tokens["ana"], request(stream=True, text="do:flood", max_tokens=1000)))
        first = connection.recv(1)
        taken = settled(gate)
        assert taken < HELD_BYTES_MAX
        received = bytearray(first)
        while b"safeconduct-receipt " not in received[-2000:]:
            received += connection.recv(65536)
        assert body_of(bytes(received)).count(b"y" * 1000) == FLOOD_FRAMES
        assert taken < len(received) / 4


def settled(gate):
    """Returns how many bytes the gateway read of the one answer, once it reads no more."""
    seen = [-1, 0]
    while seen[-1] != seen[-2] or not seen[-1]:
        time.sleep(0.2)
        (run,) = gate.calls.running
        seen.append(run._call._answer._received_bytes)
    return seen[-1]
