"""Every route of the description with drawn names, queries and bodies, signed as they are: answers, never a failure."""

import random
from urllib.parse import unquote, urlencode

import pytest

import openapi
from safeconduct.http.acts import HEADER, encode_act
from safeconduct.http.inprocess import Ask
from support.operations_house import LOCAL, House
from support.programs import signed

ROUNDS = 4
NAMES = ("x", "../..", "\0", "%", "9" * 400, "-1", "é", "{}", "01ARZ3NDEKTSV4RRFFQ69G5FAV", "ip:1.2.3.4", "a/b")
BODIES = (b"", b"{}", b"[]", b"null", b"\xff", b'"x"', b'{"a":' * 5000, b"[" * 100_000, b"9" * 10_000,
          b'{"reason":"\\ud800"}', b'{"limit":1e999}', b'{"incident":1,"reason":null}')  # fmt: skip
OPERATIONS = [(m.upper(), path, op) for path, ops in openapi.document()["paths"].items() for m, op in ops.items()]


def drawn(house, dice, method, path, operation):
    while "{" in path:
        path = path.replace(path[path.index("{") : path.index("}") + 1], dice.choice(NAMES[:2]), 1)
    names = [one["name"] for one in operation.get("parameters", ()) if one["in"] == "query"]
    query = urlencode({name: dice.choice(NAMES) for name in names if dice.random() < 0.8})
    body = b"" if method == "GET" else dice.choice(BODIES)
    act = signed(dice.choice(("ana", "ops", "bo")), f"{method} {unquote(path)}", body, house.now(), query=query)
    headers = LOCAL if method == "GET" else {HEADER: encode_act(act)}
    return Ask(method=method, path=path, query=query, headers=headers, body=body)


@pytest.mark.parametrize("seed", range(ROUNDS))
def test_every_route_answers_whatever_it_is_sent(tmp_path, seed):
    house, dice = House(tmp_path), random.Random(seed)  # noqa: S311 - repeatable
    for method, path, operation in OPERATIONS:
        if path.startswith("/api/"):
            status, told = house.send(drawn(house, dice, method, path, operation))
            assert status < 500, (method, path, told)
            assert status < 400 or told["code"], (method, path, told)
