"""What is fuzzed: readers of bytes that others write. Only the error that a reader promises may leave it.

The first byte of an input says what the rest is given to; a stream is cut where the bytes after it say.
"""

from functools import partial

from seeds import SEEDS

from safeconduct.gateway.dialects.model import Shapes
from safeconduct.gateway.dialects.registry import DIALECTS
from safeconduct.gateway.dialects.sse import KEEP_ALIVE
from safeconduct.gateway.dialects.translation.between import TRANSLATIONS
from safeconduct.gateway.errors import DialectError
from safeconduct.http.acts import decode_act, encode_act
from safeconduct.kernel.errors import UnauthenticatedError, UpstreamError
from safeconduct.ledger.acts import Act, SignedAct

OPEN = Shapes(tools=("look",), media=("image", "document"), history=True, provider_tools=("mcp", "web_search"))
CLOSED, OPENED, ANSWER, STREAM = range(4)
CUTS = 3


def request(dialect, shapes, body):
    """Reads a request, writes it for the upstream, and has it translated where it can be."""
    read = dialect.read(body, shapes)
    read.forwarded(model="another", output_tokens=7)
    for (caller, _), translation in TRANSLATIONS.items():
        if caller == dialect.name:
            translation.asked(read, shapes)


def answer(spoken, asked, body):
    """Reads a whole answer and makes what the caller gets."""
    spoken.read_answer(body, asked)
    spoken.released(body)


def stream(spoken, asked, data):
    """Reads a stream whole and in pieces: what was released in pieces is what comes out of the whole."""
    places, data = data[:CUTS], data[CUTS:]
    pieces, start = spoken.reader(asked), 0
    released = b""
    for place in (*places, len(data)):
        released += pieces.feed(data[start : start + place])
        start += place
    whole = spoken.reader(asked)
    assert whole.feed(data).replace(KEEP_ALIVE, b"") == released.replace(KEEP_ALIVE, b"")
    assert (whole.done, whole.facts) == (pieces.done, pieces.facts)


def spoken_of(name):
    """Returns each way in which answers of a dialect are read: as they are, and translated for another's callers."""
    own = DIALECTS[name]
    yield own, own.read(SEEDS[name][0], OPEN)
    for (caller, upstream), translation in TRANSLATIONS.items():
        if upstream == name:
            yield translation.spoken, translation.asked(DIALECTS[caller].read(SEEDS[caller][0], OPEN), OPEN)


def only(error, work, data):
    """Returns whether the data was read; any other error than the one promised leaves."""
    try:
        work(data)
    except error:
        return False
    return True


class DialectTarget:
    """All that is read in one dialect."""

    def __init__(self, name):
        dialect = DIALECTS[name]
        self._readers = [
            (DialectError, partial(request, dialect, Shapes())),
            (DialectError, partial(request, dialect, OPEN)),
        ]
        for spoken, asked in spoken_of(name):
            self._readers.append((UpstreamError, partial(answer, spoken, asked)))
            if SEEDS[name][2] is not None:
                self._readers.append((UpstreamError, partial(stream, spoken, asked)))
        asked, answered, streamed = SEEDS[name]
        self.seeds = [bytes([CLOSED]) + asked, bytes([OPENED]) + asked]
        for number in range(ANSWER, len(self._readers)):
            is_stream = self._readers[number][1].func is stream
            self.seeds.append(bytes([number]) + (b"\x05\x40\xff" + streamed if is_stream else answered))

    def __call__(self, data):
        error, work = self._readers[data[0] % len(self._readers)] if data else self._readers[0]
        return only(error, work, data[1:])


class ActTarget:
    """The header of a signed act."""

    def __init__(self):
        act = Act(actor="ana", operation="GET /x", content="0" * 64, at="2026-11-22T00:00:00Z", nonce="n")
        self.seeds = [encode_act(SignedAct(act=act, signature=bytes(64))).encode()]

    def __call__(self, data):
        return only(UnauthenticatedError, decode_act, data.decode("latin-1"))


TARGETS = {name: partial(DialectTarget, name) for name in SEEDS} | {"acts": ActTarget}
