"""A command against a server of another version: what its answer lacks is told, with both versions."""

import json
from importlib import metadata

import pytest

from safeconduct.adapters.data_folder import Address, locked
from safeconduct.cli.answers import told
from safeconduct.kernel.errors import UnavailableError
from support.liars import served
from support.shell import run

OURS = metadata.version("safeconduct")
EVENT = {"id": "0" * 32}
OLDER = {
    "/api/v1/hunts": {"group": [], "rows": [], "events": [EVENT["id"]], "sources": {}},
    "/api/v1/events/012345": {"id": "0" * 32},
    "/api/v1/telemetry": [{"digest": "0" * 64}],
    "/api/v1/logs": [{"origin": "example/log", "size": 0, "successor": "", "stopped": ""}],
    "/api/v1/logs/entries": [],
    "/api/v1/calls/held": [{"entry": "01"}],
    "/api/v1/status": {"version": "0.0.1"},
}
"""What a server once answered, each without something that commands now read."""


def older(answers):
    """Returns an app that answers these, by path, and 404 otherwise."""

    async def app(scope, receive, send):
        while (await receive()).get("more_body"):
            pass
        known = scope["path"] in answers
        start = {"type": "http.response.start", "status": 200 if known else 404, "headers": []}
        await send(start)
        await send({"type": "http.response.body", "body": json.dumps(answers.get(scope["path"], {})).encode()})

    return app


@pytest.fixture
def against(tmp_path):
    """Runs commands in a folder whose server gives some answers."""
    data = tmp_path / "data"
    assert run("init", "--data", data).code == 0

    def ask(answers, *words):
        with served(older(answers)) as url, locked(data) as lock:
            lock.announce(Address(url, "secret"))
            return url, run(*words, data=data)

    return ask


@pytest.mark.parametrize(
    ("words", "what", "field"),
    [
        (("hunt", "run", "user=x"), "/api/v1/hunts", "shown"),
        (("events", "show", "012345"), "/api/v1/events/012345", "time"),
        (("events", "list"), "/api/v1/telemetry", "files"),
        (("log", "show"), "/api/v1/logs", "broken_promises"),
        (("call", "held"), "/api/v1/calls/held", "approval"),
    ],
)
def test_a_field_that_the_answer_lacks_is_told_with_both_versions(against, words, what, field):
    url, said = against(OLDER, *words)
    assert said.code == 4, said
    assert f"the server at {url} answered {what} without {field!r}" in said.err
    assert f"this is Safeconduct {OURS}, the server says it is 0.0.1" in said.err
    assert "to do:" in said.err


def test_a_server_that_does_not_tell_its_version_is_said_to(against):
    without = {path: answer for path, answer in OLDER.items() if path != "/api/v1/status"}
    for answers in (without, without | {"/api/v1/status": {}}, without | {"/api/v1/status": ["0.0.1"]}):
        _, said = against(answers, "events", "show", "012345")
        assert (said.code, "the server does not say which version it is" in said.err) == (4, True)


def test_what_json_shows_is_what_the_server_said_whatever_it_lacks(against):
    _, said = against(OLDER, "events", "show", "012345", "--json")
    assert (said.code, said.json) == (0, OLDER["/api/v1/events/012345"])


def test_only_what_is_asked_for_and_not_there_is_an_error():
    document = told({"a": [{"b": 1}], "c": {}}, UnavailableError)
    assert (document["a"][0]["b"], document.get("d"), "d" in document) == (1, None, False)
    assert [dict(one) for one in document["a"]] == [{"b": 1}]
    for read in (
        lambda: document["d"],
        lambda: document["c"]["d"],
        lambda: document["a"][0]["d"],
        lambda: document["a"]["d"],
        lambda: (document | {"e": 1})["d"],
    ):
        with pytest.raises(UnavailableError, match="d"):
            read()


def test_a_server_that_knows_no_such_route_is_told_without_a_traceback(against):
    _, said = against({}, "events", "list")
    assert (said.code, "the server answered 404, and nothing that says why" in said.err) == (4, True)
