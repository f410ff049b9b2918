"""A real model server in a thread of its own, for tests whose server under test is another process."""

import asyncio
import threading
from contextlib import contextmanager

from support.patience import PATIENCE_S
from support.stand_in import StandIn, answer, chunk


class Talker(StandIn):
    """Streams words until somebody hangs up, and answers anything else with what `say` holds, or as it does."""

    def __init__(self):
        super().__init__()
        self.say = answer("{}")

    async def _answer(self, http, request, text):
        if not request.get("stream"):
            return await getattr(self, self.say)(http, request, text) if isinstance(self.say, str) else _json(self.say)
        response = await self._stream_head(http)
        while True:
            await response.write(chunk("word "))
            await asyncio.sleep(0.01)


def _json(document):
    from aiohttp import web

    return web.json_response(document)


@contextmanager
def talking():
    """Runs a talker; yields it once it listens."""
    ready, loop, talker = threading.Event(), asyncio.new_event_loop(), Talker()

    def work():
        asyncio.set_event_loop(loop)
        loop.run_until_complete(talker.start())
        ready.set()
        loop.run_forever()
        loop.run_until_complete(talker.stop())
        loop.close()

    thread = threading.Thread(target=work, name="talker")
    thread.start()
    assert ready.wait(PATIENCE_S)
    try:
        yield talker
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join(PATIENCE_S)
