"""The list's route: plain text, for who holds a token, and asked about each time."""

import asyncio
from contextlib import contextmanager
from types import SimpleNamespace

import msgspec
import pytest

from safeconduct.access.secrets import secret_hash
from safeconduct.http import lists
from safeconduct.http.control.app import control_app
from safeconduct.http.inprocess import Ask, ask
from safeconduct.kernel.instants import Instant, seconds
from safeconduct.soc.actions.edl import TOKEN_CHARS_MAX
from safeconduct.soc.actions.list_tokens import issue_probe_token
from support.responses import ATTACKER, desk


@contextmanager
def snapshot(here):
    yield here.writer.state


def app_of(here):
    found = SimpleNamespace(snapshot=lambda: snapshot(here), clock=SimpleNamespace(now=lambda: here.writer.now))
    return control_app([lists.router], control=found, local_secret="s", check_reader=str, version="0")


OWN = "own"


def get(here, token=OWN, name="block-ip"):
    request = Ask(method="GET", path=f"/edl/{name}.txt", query=f"token={token}")
    return asyncio.run(ask(app_of(here), request))


def served():
    here = desk()
    here.writer.run(lambda tx: issue_probe_token(tx, secret_hash("own")))
    return here


def test_the_list_is_served_as_it_is_now():
    here = served()
    assert (get(here).status, get(here).body) == (200, b"")
    action = here.blocked()
    assert get(here).body == f"{ATTACKER}\n".encode()
    here.writer.now = Instant(here.writer.now + seconds(3600))
    assert get(here).body == b""
    here.expire(action.id)
    assert get(here).body == b""


@pytest.mark.parametrize(
    ("token", "name", "status", "code"),
    [
        ("wrong", "block-ip", 403, "list-token-wrong"),
        ("", "block-ip", 403, "list-token-wrong"),
        ("own", "other", 404, "list-unknown"),
        ("x" * TOKEN_CHARS_MAX, "block-ip", 403, "list-token-wrong"),
    ],
)
def test_without_the_token_there_is_no_list(token, name, status, code):
    here = served()
    here.blocked()
    answered = get(here, token, name)
    assert (answered.status, msgspec.json.decode(answered.body)["code"]) == (status, code)
    assert ATTACKER.encode() not in answered.body


def test_an_overlong_token_is_not_looked_at():
    assert get(served(), "x" * (TOKEN_CHARS_MAX + 1)).status in (400, 422)
