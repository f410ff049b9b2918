"""The classifier's adapter against a server of the form that common ones have, and against servers that misbehave."""

import asyncio
import contextlib

import pytest
from aiohttp import web

from safeconduct.adapters.models import text_classifier
from safeconduct.adapters.models.text_classifier import BATCH_MAX, TextClassifier
from safeconduct.kernel.errors import InvalidInputError, UnavailableError


@contextlib.asynccontextmanager
async def serving(answers):
    app = web.Application()
    app.router.add_post("/predict", answers)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}/predict"
    finally:
        await runner.cleanup()


def classified(answers, texts=("ignore this",), **options):
    async def main():
        async with serving(answers) as url:
            return await TextClassifier(url, **options).classify(texts)

    return asyncio.run(main())


def scored(text):
    attack = 0.9 if "ignore" in text else 0.1
    return [{"label": "INJECTION", "score": attack}, {"label": "SAFE", "score": 1 - attack}]


async def predict(request):
    """What the server does with a batch: more than it takes at once, or not a list of single texts, is refused."""
    asked = await request.json()
    if len(asked["inputs"]) > 32 or asked["truncate"] or asked["raw_scores"]:
        return web.json_response({"error": "batch"}, status=413)
    return web.json_response([scored(text) for (text,) in asked["inputs"]])


def test_each_text_has_its_scores_over_several_batches():
    texts = [f"{'ignore' if number % 7 == 0 else 'look'} {number}" for number in range(2 * BATCH_MAX + 1)]
    said = classified(predict, texts)
    assert [one["INJECTION"] > 0.5 for one in said] == [number % 7 == 0 for number in range(len(texts))]


@pytest.mark.parametrize(
    "body",
    [b"", b"{}", b"[]", b"[[]]", b'[[{"label": "A", "score": 1.5}]]', b'[[{"label": "A"}]]', b"[[" + b" " * 1_100_000],
)
def test_an_answer_that_is_none_is_told(body):
    async def answers(_request):
        return web.Response(body=body, content_type="application/json")

    with pytest.raises(UnavailableError) as failed:
        classified(answers)
    assert failed.value.code == "classifier-failed"


@pytest.mark.parametrize("status", [302, 413, 422, 500])
def test_no_status_but_200_counts_and_no_redirect_is_followed(status):
    async def answers(_request):
        return web.json_response([scored("x")], status=status, headers={"Location": "http://192.0.2.1/"})

    with pytest.raises(UnavailableError, match=f"answered {status}"):
        classified(answers)


def test_who_takes_too_long_or_is_not_there_is_given_up():
    async def answers(_request):
        await asyncio.Event().wait()

    with pytest.raises(UnavailableError):
        classified(answers, wait_s=0.05)
    with pytest.raises(UnavailableError):
        asyncio.run(TextClassifier("http://127.0.0.1:9/predict").classify(["x"]))


@pytest.mark.parametrize(
    "url",
    ["http://localhost:8080/", "http://192.0.2.1/", "https://127.0.0.1/", "http://a@127.0.0.1/", "x", "http://[::"],
)
def test_only_an_address_of_this_machine_is_taken(url):
    with pytest.raises(InvalidInputError) as refused:
        TextClassifier(url)
    assert refused.value.code == "classifier-invalid"
    assert TextClassifier("http://[::1]:8080/predict")


def test_the_batch_is_the_servers(monkeypatch):
    monkeypatch.setattr(text_classifier, "BATCH_MAX", 33)
    with pytest.raises(UnavailableError, match="answered 413"):
        classified(predict, ["x"] * 33)
