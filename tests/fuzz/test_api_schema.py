"""Every operation of the API's description, with what fits it and what does not, signed and not: never a failure."""

import asyncio
import contextlib
import os
from types import SimpleNamespace
from urllib.parse import unquote, urlencode

import msgspec
import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from schemathesis import GenerationMode
from schemathesis.core import NotSet

import openapi
from safeconduct.adapters.data_folder import locked
from safeconduct.bootstrap.controlling import control_of
from safeconduct.bootstrap.effects import effect_runner
from safeconduct.bootstrap.installation import opened
from safeconduct.http.acts import HEADER, encode_act
from safeconduct.http.inprocess import Ask, ask
from safeconduct.http.problems import MEDIA_TYPE
from safeconduct.http.vitals import alone_at_work
from support.programs import signed
from support.shell import agreed

schemathesis.serializer.alias("application/x-ndjson", "text/plain")  # what is drawn is sent as it is: `request_of`
SCHEMA = schemathesis.openapi.from_dict(openapi.document())
OPERATIONS = {found.ok().label: found.ok() for found in SCHEMA.get_all_operations()}
FREE = "POST /api/v1/credentials"  # a form of texts: there is none that doesn't fit
TAKING = [label for label, one in OPERATIONS.items() if (any(one.iter_parameters()) or one.body) and label != FREE]
OPEN = (
    "GET /healthz",
    "GET /readyz",
    "GET /.well-known/authzen-configuration",
    "GET /api/v1/sign-ins/providers",
    "GET /api/v1/credentials",
)
EXAMPLES = 50 if os.environ.get("SAFECONDUCT_LONG") else 3
NOBODY = ""
NO_SERVER = "no-server"
"""Passkeys and notices are a running server's: here there is none, and they say so."""


@pytest.fixture(scope="module")
def house(tmp_path_factory):
    """An installation whose program is in force, and its routes, opened once."""
    root = tmp_path_factory.mktemp("house") / "house"
    agreed(root)
    with contextlib.ExitStack() as stack:
        loop = stack.enter_context(asyncio.Runner())
        stack.enter_context(locked(root / "data"))
        installation = stack.enter_context(opened(root / "data"))
        runner = effect_runner(installation)
        loop.run(runner.__aenter__())
        stack.callback(lambda: loop.run(runner.__aexit__(None, None, None)))
        app = control_of(installation, runner.settle, None, alone_at_work)
        yield SimpleNamespace(now=installation.clock.now, send=lambda request: loop.run(answered(app, request)))


async def answered(app, request):
    """Returns the status, the media type and the body, read as JSON where it says so."""
    heads = {}

    async def watched(scope, receive, send):
        async def seen(message):
            if message["type"] == "http.response.start":
                heads.update(message["headers"])
            await send(message)

        await app(scope, receive, seen)

    answer = await ask(watched, request)
    return answer.status, heads.get(b"content-type", b"").decode(), answer.body


def request_of(case, actor, now):
    """Returns the case as a request, signed by the actor if there is one. Headers are ours alone."""
    method, path, query = case.method.upper(), unquote(case.formatted_path), urlencode(case.query or {}, doseq=True)
    body = b"" if isinstance(case.body, NotSet) else case.body
    body = body if isinstance(body, bytes) else msgspec.json.encode(body)
    act = actor and encode_act(signed(actor, f"{method} {path}", body, now, query=query))
    return Ask(method=method, path=path, query=query, headers={HEADER: act} if act else {}, body=body)


def check(house, label, mode):
    """Draws cases and sends each: there is an answer, an error is one of ours, and nothing is for nobody."""
    operation = OPERATIONS[label]

    @settings(max_examples=EXAMPLES, suppress_health_check=list(HealthCheck))
    @given(case=operation.as_strategy(generation_mode=mode), actor=st.sampled_from((NOBODY, "ana", "ops", "bo")))
    def each(case, actor):
        status, media, body = house.send(request_of(case, actor, house.now()))
        assert status < 500 or msgspec.json.decode(body)["code"] == NO_SERVER, (status, body)
        assert actor or status >= 400 or label in OPEN
        if status >= 400:
            assert media == MEDIA_TYPE
            assert msgspec.json.decode(body)["code"]

    each()


def test_the_description_is_valid_openapi():
    assert SCHEMA.raw_schema["openapi"].startswith("3.1")
    SCHEMA.validate()


@pytest.mark.parametrize("label", OPERATIONS)
def test_what_fits_the_description_is_answered(house, label):
    check(house, label, GenerationMode.POSITIVE)


@pytest.mark.parametrize("label", TAKING)
def test_what_does_not_fit_the_description_breaks_nothing(house, label):
    check(house, label, GenerationMode.NEGATIVE)
