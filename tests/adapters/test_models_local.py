"""The real local model, in its real child process."""

import asyncio
import contextlib
import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import aiohttp
import pytest

from safeconduct.adapters.models import local
from safeconduct.adapters.models.local import MODEL, LocalModel, find_weights
from safeconduct.kernel.errors import UnavailableError
from support.call_ends import ask, request
from support.patience import PATIENCE_S

pytestmark = pytest.mark.model


@contextlib.asynccontextmanager
async def model():
    started = LocalModel(os.urandom)
    steps = []
    await started.start(steps.append)
    assert [step.split(" ")[0] for step in steps] == ["starting", MODEL]
    try:
        yield started
    finally:
        await started.stop()


async def answer(started, *, stream=False, **fields):
    body = request(model=MODEL, temperature=0, max_completion_tokens=fields.pop("most", 12), stream=stream, **fields)
    exchange = started.exchange(ask(body, stream=stream))
    head = await exchange.head()
    data = b""
    while part := await exchange.read():
        data += part
    exchange.close()
    return head, data


def text_of(data):
    return json.loads(data)["choices"][0]["message"]["content"]


def test_it_answers_repeats_itself_and_holds_its_token_limit():
    async def main():
        async with model() as started:
            first, second = [await answer(started, text="Name one color.") for _ in range(2)]
            assert (first[0].status, first[0].content_type.split(";")[0]) == (200, "application/json")
            assert text_of(first[1])
            assert text_of(first[1]) == text_of(second[1])
            assert json.loads(first[1])["usage"]["completion_tokens"] <= 12

    asyncio.run(main())


def test_it_streams_and_serves_the_next_call_after_it():
    async def main():
        async with model() as started:
            for _ in range(2):
                head, data = await answer(started, text="Count to three.", stream=True)
                assert head.content_type.startswith("text/event-stream")
                assert data.endswith(b"data: [DONE]\n\n")

    asyncio.run(main())


def test_a_schema_binds_it():
    schema = {
        "type": "object",
        "properties": {"verdict": {"enum": ["benign", "malicious"]}},
        "required": ["verdict"],
        "additionalProperties": False,
    }
    form = {"type": "json_schema", "json_schema": {"name": "v", "schema": schema, "strict": True}}

    async def main():
        async with model() as started:
            _, data = await answer(
                started, text="Is a password guessed 500 times benign?", response_format=form, most=48
            )
            assert json.loads(text_of(data))["verdict"] in ("benign", "malicious")

    asyncio.run(main())


def test_it_listens_on_loopback_and_to_its_key_only():
    async def main():
        async with model() as started:
            url = started._child.upstream._wire._urls["openai.chat"]
            assert url.host == "127.0.0.1"
            async with aiohttp.ClientSession() as session, session.post(url, data=request()) as response:
                assert response.status == 401
            name = socket.gethostbyname(socket.gethostname())
            if not name.startswith("127."):
                with pytest.raises(OSError):
                    socket.create_connection((name, url.port), timeout=1).close()

    asyncio.run(main())


def test_it_is_gone_after_stop():
    async def main():
        async with model() as started:
            pid = started.pid
            assert Path(f"/proc/{pid}").exists()
        assert not Path(f"/proc/{pid}").exists()
        assert started.pid is None
        await started.stop()

    asyncio.run(main())


@pytest.mark.parametrize("end", ["input", "sigterm"])
def test_the_child_ends_with_its_input_or_when_told(end):
    order = {"model": str(find_weights()), "alias": MODEL, "key": "k", "context": 512, "threads": 1}
    with subprocess.Popen(
        [sys.executable, "-m", "safeconduct.adapters.models.local_child"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    ) as child:
        child.stdin.write(json.dumps(order).encode() + b"\n")
        child.stdin.flush()
        assert json.loads(child.stdout.readline())["ready"].startswith("http://127.0.0.1:")
        if end == "sigterm":
            child.terminate()
        else:
            child.stdin.close()
        assert child.wait(PATIENCE_S) == 0


def test_weights_that_are_none(tmp_path):
    broken = tmp_path / "broken.gguf"
    broken.write_bytes(b"GGUF, but not really")

    async def main():
        with pytest.raises(UnavailableError) as caught:
            await LocalModel(os.urandom, weights=broken).start()
        assert caught.value.code == "model-failed"

    asyncio.run(main())


def test_weights_that_are_not_installed(monkeypatch):
    monkeypatch.setattr(local, "WEIGHTS", "no-such-weights")
    with pytest.raises(UnavailableError) as caught:
        find_weights()
    assert (caught.value.code, "--model" in caught.value.remedy) == ("weights-missing", True)


def test_a_child_that_is_never_ready(monkeypatch):
    monkeypatch.setattr(local, "READY_S", 0.01)

    async def main():
        with pytest.raises(UnavailableError) as caught:
            await LocalModel(os.urandom).start()
        assert caught.value.code == "model-slow"

    asyncio.run(main())
