"""One small governed call, made the way any client makes one: with a token, over the gateway's own route."""

import time
from http import HTTPStatus
from typing import Any
from urllib.parse import quote

import msgspec

from safeconduct.access.admissions import PROBE
from safeconduct.cli.client import Client, place
from safeconduct.cli.token import MINUTES_MIN, mint
from safeconduct.http.inprocess import Answer, Ask

WORDS = "Answer with one word: ready?"
TOKENS_MAX = 8
"""Tokens of the answer: enough for a word, and cheap everywhere."""

OUTCOME_TRIES_MAX = 200
OUTCOME_WAIT_S = 0.05
"""How often, and how far apart in seconds, the outcome is asked for. It is committed just after the answer ended; 10 s
in all are for a machine that is busy."""


def probed(asked: Client, path: str, model: str, token: str) -> dict[str, Any]:
    """Makes the call and returns its id, status, what was told, its receipt and its entries with their proofs.

    Without a token one is minted for the key's owner, and revoked afterwards. Where the program demands vetting the
    call is made as a probe and handed in, which makes the path ready for whoever made it: `proven` then says so.

    Raises:
        UnavailableError: `no-server`.
        AbsentError: `path-unknown`.
    """
    proves = asked.get("/api/v1/vetting/transparency")["criteria"] is not None
    if token:
        return _handed_in(asked, _called(asked, path, model, token, proves=proves), proves=proves)
    minted = mint(asked, asked.actor, MINUTES_MIN)
    try:
        return _handed_in(asked, _called(asked, path, model, minted.secret, proves=proves), proves=proves)
    finally:
        asked.post(place("tokens", minted.id, "revoke"))


def _handed_in(asked: Client, called: dict[str, Any], *, proves: bool) -> dict[str, Any]:
    proven = proves and called["status"] < HTTPStatus.BAD_REQUEST
    if proven:
        asked.post("/api/v1/vetting/proofs", {"call": called["call"]})
    return called | {"proven": proven}


def _called(asked: Client, path: str, model: str, token: str, *, proves: bool) -> dict[str, Any]:
    say = [{"role": "user", "content": WORDS}]
    body = {"model": model or _first(asked, path, token), "messages": say, "max_tokens": TOKENS_MAX}
    answer = asked.as_caller(
        Ask(
            method="POST",
            path=_gateway(path, "chat/completions"),
            headers={"content-type": "application/json"} | ({"safeconduct-purpose": PROBE} if proves else {}),
            body=msgspec.json.encode(body),
        ),
        token,
    )
    call = answer.headers.get("safeconduct-call", "")
    return {
        "call": call,
        "status": answer.status,
        "model": body["model"],
        "told": _told(answer),
        "receipt": answer.headers.get("safeconduct-receipt", ""),
        "entries": _entries(asked, call, token) if call else {},
    }


def _first(asked: Client, path: str, token: str) -> str:
    """Returns the first model that is offered; where none is, the path's first, so that the refusal says why."""
    answer = asked.as_caller(Ask(method="GET", path=_gateway(path, "models")), token)
    offered = msgspec.json.decode(answer.body).get("data")
    return str(offered[0]["id"] if offered else asked.get(place("paths", path))["models"][0])


def _gateway(path: str, route: str) -> str:
    return f"/paths/{quote(path, safe='')}/openai/v1/{route}"


def _told(answer: Answer) -> str:
    document = msgspec.json.decode(answer.body)
    if "error" in document:
        return f"{document['error']['code']}: {document['error']['message']}"
    return str(document["choices"][0]["message"]["content"] or "") if document.get("choices") else "none"


def _entries(asked: Client, call: str, token: str) -> dict[str, Any]:
    """Returns the call's entries as its caller may have them, waiting for the outcome a little."""
    found: dict[str, Any] = {}
    for _ in range(OUTCOME_TRIES_MAX):
        found = msgspec.json.decode(asked.as_caller(Ask(method="GET", path=f"/calls/{call}/proof"), token).body)
        if found.get("outcome") or found.get("refusal"):
            break
        time.sleep(OUTCOME_WAIT_S)
    return {name: found.get(name) for name in ("intent", "refusal", "outcome")}
