"""Routes that are made when they are first asked for, and those of a process that never wait for them."""

import asyncio
import contextlib
import threading
from types import SimpleNamespace

import msgspec
import pytest

from safeconduct.access.reading_rights import Reader
from safeconduct.adapters.memory.records import MemoryState
from safeconduct.http.control import metrics, status
from safeconduct.http.control.app import control_app
from safeconduct.http.inprocess import Ask, ask
from safeconduct.http.later import Later, Vitals
from safeconduct.http.vitals import AtWork, Metrics
from safeconduct.kernel.instants import Instant
from support.patience import PATIENCE_S, until

SECRET, TOKEN = "local-secret", "metrics-token"


async def told(scope, receive, send):
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": scope["path"].encode()})


def test_an_app_is_made_once_in_a_thread_while_the_loop_goes_on():
    made, go_on = [], threading.Event()

    def make():
        made.append(threading.current_thread() is threading.main_thread())
        assert go_on.wait(PATIENCE_S)
        return told

    async def both():
        later = Later(make)
        asked = [asyncio.create_task(ask(later, Ask(method="GET", path=f"/{one}"))) for one in range(3)]
        await asyncio.to_thread(until, lambda: made)
        go_on.set()  # from the loop, which runs while the app is made
        return [(await one).body for one in asked]

    assert asyncio.run(both()) == [b"/0", b"/1", b"/2"]
    assert made == [False]


def test_an_app_that_could_not_be_made_is_tried_again():
    fails = [RuntimeError("no memory")]

    def make():
        if fails:
            raise fails.pop()
        return told

    async def twice():
        later = Later(make)
        with pytest.raises(RuntimeError, match="no memory"):
            await ask(later, Ask(method="GET", path="/x"))
        return await ask(later, Ask(method="GET", path="/x"))

    assert asyncio.run(twice()).status == 200


def test_what_was_loaded_before_the_first_request_is_not_made_again():
    made = []

    def make():
        made.append(1)
        return told

    async def loaded():
        later = Later(make)
        await later.load()
        assert made == [1]
        return await ask(later, Ask(method="GET", path="/x"))

    assert asyncio.run(loaded()).body == b"/x"
    assert made == [1]


@pytest.fixture
def apps():
    """The process' own routes before an app that answers nothing, and the control API's over the same state."""
    vital = SimpleNamespace(
        snapshot=lambda: contextlib.nullcontext(MemoryState()),
        log=SimpleNamespace(origins=tuple),
        clock=SimpleNamespace(now=lambda: Instant(1_767_225_600_000_000)),
        stopped=dict,
        work=lambda: AtWork(unready=("standing",), waiting=3),
        metrics=Metrics(counted=lambda: b"calls 7\n", confirmed_age_s=lambda: 0.5, skipped=dict, spans_lost=lambda: 2),
    )
    routes = control_app(
        (status.router, metrics.router),
        control=vital,
        local_secret=SECRET,
        check_reader=lambda _: Reader(),
        version="0",
        metrics_token=TOKEN,
    )
    return Vitals(vital, SECRET, TOKEN, told), routes


def both(apps, path, shown=""):
    headers = {"authorization": f"Bearer {shown}"} if shown else {}
    return [asyncio.run(ask(app, Ask(method="GET", path=path, headers=headers))) for app in apps]


def test_a_process_tells_the_same_before_the_control_api_is_loaded_as_after(apps):
    alive, same = both(apps, "/healthz")
    assert (alive.status, alive.body) == (same.status, same.body) == (200, b'{"status":"ok"}')
    ready, same = both(apps, "/readyz")
    assert (ready.status, ready.body) == (same.status, same.body)
    assert ready.status == 503
    assert msgspec.json.decode(ready.body)["unready"] == ["standing"]


@pytest.mark.parametrize(("shown", "status"), [(SECRET, 200), (TOKEN, 200), (TOKEN[:-1], 401), ("", 401)])
def test_metrics_are_for_whoever_shows_a_secret_before_as_after(apps, shown, status):
    before, after = both(apps, "/metrics", shown)
    assert (before.status, before.body) == (after.status, after.body)
    assert before.status == status
    assert (b"calls 7" in before.body) is (status == 200)


@pytest.mark.parametrize(("method", "path"), [("POST", "/readyz"), ("GET", "/readyz/"), ("GET", "/api/v1/status")])
def test_everything_else_is_the_control_apis(apps, method, path):
    assert asyncio.run(ask(apps[0], Ask(method=method, path=path))).body == path.encode()


def test_without_a_metrics_token_an_empty_bearer_is_nobody(apps):
    before = Vitals(apps[0]._vital, SECRET, "", told)
    assert asyncio.run(ask(before, Ask(method="GET", path="/metrics"))).status == 401
