"""A classifier of texts on this machine, over HTTP: the form of Text Embeddings Inference's `/predict`.

docs/spec/detection.md section 8 has what is asked and what an answer must be.
"""

import asyncio
import contextlib
from collections.abc import Mapping, Sequence
from ipaddress import ip_address

import aiohttp
import msgspec
from yarl import URL

from safeconduct.gateway.terms import STATUS_OK
from safeconduct.kernel.errors import InvalidInputError, UnavailableError

WAIT_S = 2.0
"""Seconds that a request waits for all that is said of it. A small model takes some milliseconds for a piece."""

BATCH_MAX = 32
"""Texts of one question: the most that the server takes at once, where nobody told it another number."""

ANSWER_BYTES_MAX = 1024 * 1024
"""Bytes of an answer: 32 texts with a hundred labels each have some 200,000."""


class _Prediction(msgspec.Struct, frozen=True):
    label: str
    score: float


class TextClassifier:
    """`Classifier` at an address of this machine. What it is asked about leaves the process, and never the machine."""

    def __init__(self, url: str, *, wait_s: float = WAIT_S) -> None:
        self._url = _of_this_machine(url)
        self._wait_s = wait_s

    async def classify(self, texts: Sequence[str]) -> tuple[Mapping[str, float], ...]:
        try:
            async with asyncio.timeout(self._wait_s), aiohttp.ClientSession(trust_env=False) as session:
                batches = [texts[at : at + BATCH_MAX] for at in range(0, len(texts), BATCH_MAX)]
                return tuple([scores for batch in batches for scores in await self._asked(session, batch)])
        except (TimeoutError, aiohttp.ClientError, OSError, msgspec.DecodeError) as error:
            raise UnavailableError(
                f"the classifier said nothing of use: {error!r}", code="classifier-failed"
            ) from error

    async def _asked(self, session: aiohttp.ClientSession, texts: Sequence[str]) -> list[Mapping[str, float]]:
        asked = {"inputs": [[text] for text in texts], "truncate": False, "raw_scores": False}
        headers = {"Content-Type": "application/json", "Accept-Encoding": "identity"}
        body = msgspec.json.encode(asked)
        async with session.post(self._url, data=body, headers=headers, allow_redirects=False) as answer:
            raw = await _at_most(answer, ANSWER_BYTES_MAX)
        if answer.status != STATUS_OK:
            raise UnavailableError(f"the classifier answered {answer.status}", code="classifier-failed")
        said = msgspec.json.decode(raw, type=list[list[_Prediction]])
        scored = all(0 <= one.score <= 1 for scores in said for one in scores)
        if len(said) != len(texts) or not all(said) or not scored:
            raise UnavailableError("expected labels with scores from 0 to 1 for each text", code="classifier-failed")
        return [{one.label: one.score for one in scores} for scores in said]


async def _at_most(answer: aiohttp.ClientResponse, limit: int) -> bytes:
    raw = bytearray()
    async for part in answer.content.iter_any():
        raw += part
        if len(raw) > limit:
            raise UnavailableError(f"the classifier's answer has over {limit} bytes", code="classifier-failed")
    return bytes(raw)


def _of_this_machine(text: str) -> URL:
    """Returns the address; a name is none, for it may lead elsewhere tomorrow."""
    with contextlib.suppress(ValueError):
        url = URL(text)
        if url.scheme == "http" and not url.user and ip_address(url.host or "").is_loopback:
            return url
    raise InvalidInputError(
        f"expected http:// with an address of this machine such as 127.0.0.1, got {text[:80]!r}",
        code="classifier-invalid",
        remedy="run the classifier on this machine: SAFECONDUCT_HINT_CLASSIFIER=http://127.0.0.1:PORT/predict",
    )
