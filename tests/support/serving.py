"""An ASGI app on a loopback port, for as long as a test needs it."""

import threading
from contextlib import contextmanager

import uvicorn

from support.patience import PATIENCE_S


@contextmanager
def served(app):
    """Serves the app; yields its address."""
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_config=None, access_log=False, lifespan="off", ws="none"))
    ready = threading.Event()
    startup = server.startup

    async def started(*arguments, **named):
        await startup(*arguments, **named)
        ready.set()

    server.startup = started
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    try:
        assert ready.wait(PATIENCE_S)
        port = server.servers[0].sockets[0].getsockname()[1]
        yield f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        thread.join(PATIENCE_S)
