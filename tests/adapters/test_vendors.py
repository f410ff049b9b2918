"""Each vendor's requests as they stand on a real wire: address, headers, nothing more; and its errors as they come."""

import asyncio
import re

import pytest

from safeconduct.adapters.upstreams import make_upstream
from safeconduct.adapters.upstreams_file import Anthropic, Azure, Compatible, OpenAI
from safeconduct.kernel.errors import UpstreamError
from support.immediate import START
from support.vendors import Reply, VendorStandIn, asked, started

SECRET = "sk-vendor-4711"
ALWAYS = {"host", "content-length", "content-type", "accept", "accept-encoding", "user-agent"}


class StillClock:
    def now(self):
        return START


def secrets(variable, file):
    assert (variable, file) == ("KEY", "")
    return SECRET


def made(kind, origin, path="", **fields):
    return make_upstream(kind(url=f"{origin}{path}", key_env="KEY", **fields), secrets, StillClock())


async def one(kind, path="", fields=None, reply=None, **what):
    async with (
        VendorStandIn(lambda _: reply or Reply()).running() as vendor,
        started(made(kind, vendor.origin, path, **(fields or {}))) as upstream,
    ):
        head, data = await asked(upstream, b'{"a": 1}', **what)
    [came] = vendor.came
    assert (came.method, came.body) == ("POST", b'{"a": 1}')
    assert came.headers["accept-encoding"] == "identity"
    assert came.headers["accept"] == ("text/event-stream" if what.get("stream") else "application/json")
    return came, head, data


BEARER = {"authorization": f"Bearer {SECRET}"}
OLD = {"api_version": "2024-10-21"}


@pytest.mark.parametrize(
    ("configured", "what", "target", "extra"),
    [
        ((OpenAI, "/v1", {}), {"dialect": "openai.chat"}, "/v1/chat/completions", BEARER),
        ((OpenAI, "/v1", {}), {"dialect": "openai.responses", "stream": True}, "/v1/responses", BEARER),
        ((OpenAI, "/v1/", {}), {"dialect": "openai.embeddings"}, "/v1/embeddings", BEARER),
        ((Compatible, "/v1", {}), {"dialect": "openai.chat", "stream": True}, "/v1/chat/completions", BEARER),
        ((Azure, "", {}), {"dialect": "openai.chat"}, "/openai/v1/chat/completions", {"api-key": SECRET}),
        ((Azure, "", {}), {"dialect": "openai.responses"}, "/openai/v1/responses", {"api-key": SECRET}),
        ((Azure, "", {"auth": "entra"}), {"dialect": "openai.embeddings"}, "/openai/v1/embeddings", BEARER),
        (
            (Azure, "", OLD),
            {"dialect": "openai.chat", "model": "our gpt"},
            "/openai/deployments/our%20gpt/chat/completions?api-version=2024-10-21",
            {"api-key": SECRET},
        ),
        (
            (Azure, "/", OLD),
            {"dialect": "openai.embeddings", "model": "a/../b"},
            "/openai/deployments/a%2F..%2Fb/embeddings?api-version=2024-10-21",
            {"api-key": SECRET},
        ),
        (
            (Azure, "", OLD),
            {"dialect": "openai.responses"},
            "/openai/responses?api-version=2024-10-21",
            {"api-key": SECRET},
        ),
        (
            (Anthropic, "", {}),
            {"dialect": "anthropic.messages", "stream": True},
            "/v1/messages",
            {"x-api-key": SECRET, "anthropic-version": "2023-06-01"},
        ),
        (
            (Anthropic, "", {"betas": ("one-2026", "two-2026")}),
            {"dialect": "anthropic.count-tokens"},
            "/v1/messages/count_tokens",
            {"x-api-key": SECRET, "anthropic-version": "2023-06-01", "anthropic-beta": "one-2026,two-2026"},
        ),
    ],
)
def test_a_request_as_the_vendor_documents_it(configured, what, target, extra):
    came, head, data = asyncio.run(one(*configured, **what))
    assert came.target == target
    assert {name: value for name, value in came.headers.items() if name not in ALWAYS} == extra
    assert (head.status, data) == (200, b"{}")


def test_identifier_and_program_go_into_headers_only_where_the_file_names_them():
    async def main(**fields):
        came, _, _ = await one(Compatible, "/v1", fields, safety_id="sc-1", program="tier-2")
        return came.headers

    assert "x-safety" not in asyncio.run(main())
    headers = asyncio.run(main(safety_header="X-Safety", program_header="X-Program"))
    assert (headers["x-safety"], headers["x-program"]) == ("sc-1", "tier-2")


def test_a_server_without_a_key_is_told_none():
    async def main():
        async with VendorStandIn().running() as vendor:
            upstream = make_upstream(Compatible(url=f"{vendor.origin}/v1"), None, StillClock())
            async with started(upstream):
                await asked(upstream)
        assert "authorization" not in vendor.came[0].headers

    asyncio.run(main())


@pytest.mark.parametrize(
    ("kind", "dialect", "status", "body"),
    [
        (OpenAI, "openai.chat", 429, b'{"error":{"message":"slow","type":"rate_limit_error","code":"rate_limit"}}'),
        (Azure, "openai.chat", 400, b'{"error":{"code":"content_filter","status":400}}'),
        (Anthropic, "anthropic.messages", 529, b'{"type":"error","error":{"type":"overloaded_error"}}'),
    ],
)
def test_an_error_comes_as_it_is_and_of_its_headers_only_those_that_are_listed(kind, dialect, status, body):
    reply = Reply(status, parts=(body,), headers={"retry-after": "3", "x-ms-region": "host-17", "set-cookie": "a=b"})
    _, head, data = asyncio.run(one(kind, reply=reply, dialect=dialect))
    assert (head.status, data, head.headers) == (status, body, {"retry-after": "3"})


def test_an_answer_that_breaks_off_is_one_error():
    with pytest.raises(UpstreamError) as caught:
        asyncio.run(one(Anthropic, reply=Reply(parts=(b"{",), broken=True), dialect="anthropic.messages"))
    assert caught.value.code == "upstream-broke"
    assert not re.search(r"127\.0|sk-", str(caught.value))
