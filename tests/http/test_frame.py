import asyncio

import msgspec
import pytest
from fastapi import APIRouter

from safeconduct.access.reading_rights import Audience, Reader
from safeconduct.http.acts import HEADER, HEADER_BYTES_MAX, content_of, decode_act, encode_act
from safeconduct.http.control import requests
from safeconduct.http.control.app import control_app
from safeconduct.http.control.asking import Reading
from safeconduct.http.control.audiences import Row
from safeconduct.http.control.bodies import SignedAlone
from safeconduct.http.control.frame import answer, read
from safeconduct.http.control.requests import BODY_BYTES_MAX
from safeconduct.http.control.signed import SignedBytes
from safeconduct.http.inprocess import Ask, ask
from safeconduct.kernel.errors import ConflictError, InvalidInputError, UnauthenticatedError
from safeconduct.ledger.acts import Act, sign_act
from safeconduct.ledger.keys import SecretKey

KEY = SecretKey(bytes(range(32)))
router = APIRouter()


@router.get("/things")
async def things(_: Reading):
    return answer([{"name": "one"}])


@router.post("/things")
async def change(signed: SignedBytes):
    signed.act.verify(KEY.public)
    return answer({"bytes": len(signed.body)}, 201)


@router.post("/done")
async def do(_signed: SignedAlone):
    return answer({"done": True})


@router.get("/conflict")
async def conflict(_: Reading):
    raise ConflictError("it is closed", code="already-closed", remedy="open another")


def check_reader(signed):
    signed.verify(KEY.public)
    return Reader()


APP = control_app(
    [router],
    control=None,
    local_secret="s3cret",
    check_reader=check_reader,
    version="0",
    readers={"GET /things": Row(Audience.ANYBODY)},
)
LOCAL = {"authorization": "Bearer s3cret"}


def send(method, path, body=b"", query="", **headers):
    reply = asyncio.run(ask(APP, Ask(method=method, path=path, query=query, body=body, headers=headers)))
    return reply.status, msgspec.json.decode(reply.body)


def act(operation, body=b"", key=KEY, query=""):
    made = Act(actor="ana", operation=operation, content=content_of(body, query), at="2026-11-21T08:00:00Z", nonce="1")
    return encode_act(sign_act(made, key))


@pytest.mark.parametrize(("body", "status"), [(b"", 200), (b"{}", 200), (b'{"more":1}', 400), (b"[]", 400)])
def test_where_the_address_says_all_nothing_else_is_signed(body, status):
    assert send("POST", "/done", body, **{HEADER: act("POST /done", body)})[0] == status


def test_the_local_secret_reads_and_another_does_not():
    assert send("GET", "/things", **LOCAL) == (200, [{"name": "one"}])
    status, told = send("GET", "/things", authorization="Bearer s3creT")
    assert (status, told["code"]) == (401, "unauthenticated")


def test_a_signed_act_reads_only_what_it_was_signed_for():
    assert send("GET", "/things", **{HEADER: act("GET /things")})[0] == 200
    status, told = send("GET", "/things", **{HEADER: act("GET /other")})
    assert (status, told["code"]) == (401, "act-for-another-request")
    assert send("GET", "/things", **{HEADER: act("GET /things", key=SecretKey(bytes(32)))})[1]["code"] == "wrong-key"


def test_a_change_needs_an_act_over_exactly_this_body():
    assert send("POST", "/things", b"{}", **{HEADER: act("POST /things", b"{}")}) == (201, {"bytes": 2})
    assert send("POST", "/things", b"{}", **LOCAL)[1]["code"] == "act-missing"
    assert (
        send("POST", "/things", b"{ }", **{HEADER: act("POST /things", b"{}")})[1]["code"] == "act-for-another-request"
    )


def test_an_act_covers_the_query_too():
    signed = {HEADER: act("POST /things", b"{}", query="name=a.log")}
    assert send("POST", "/things", b"{}", "name=a.log", **signed) == (201, {"bytes": 2})
    for other in ("name=b.log", ""):
        assert send("POST", "/things", b"{}", other, **signed)[1]["code"] == "act-for-another-request"


def test_a_body_at_the_limit_passes_and_one_byte_more_does_not(monkeypatch):
    monkeypatch.setattr(requests, "BODY_BYTES_MAX", 16)
    assert BODY_BYTES_MAX == 8 * 1024 * 1024
    assert send("POST", "/things", b"x" * 16, **{HEADER: act("POST /things", b"x" * 16)})[0] == 201
    status, told = send("POST", "/things", b"x" * 17, **{HEADER: act("POST /things", b"x" * 17)})
    assert (status, told["code"]) == (413, "too-large")


def test_errors_are_problem_documents_with_code_and_remedy():
    status, told = send("GET", "/conflict", **LOCAL)
    assert (status, told["code"], told["remedy"]) == (409, "already-closed", "open another")


@pytest.mark.parametrize("value", ["", "!", "e30=", "bm8=", "A" * (HEADER_BYTES_MAX + 1)])
def test_what_is_no_act_is_refused(value):
    with pytest.raises(UnauthenticatedError):
        decode_act(value)


def test_an_act_survives_the_header():
    signed = sign_act(Act(actor="ana", operation="POST /x", content="c", at="t", nonce="n"), KEY)
    assert decode_act(encode_act(signed)) == signed


@pytest.mark.parametrize(("method", "path"), [("GET", "/nothing"), ("GET", "/things/a/b"), ("DELETE", "/things")])
def test_a_route_that_is_not_there_is_a_problem_document_too(method, path):
    status, told = send(method, path, **LOCAL)
    assert (status, told["code"], told["title"]) == (404, "route-unknown", "absent")
    assert path in told["detail"]


def test_a_body_that_is_too_deep_to_read_is_refused():
    body = b'{"more":' + b"[" * 100_000
    with pytest.raises(InvalidInputError):
        read(body, AnyBody)


class AnyBody(msgspec.Struct):
    reason: str = ""
