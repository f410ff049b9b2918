"""Over the wire: what a call mentions outside its scope is in the answer's header, refused, or held for a person."""

import pytest

from support.call_ends import request
from support.programs import demo_program
from support.wire import ask, post, wire


def call(gate, text):
    body = request(messages=[{"role": "user", "content": text}])
    raw = ask(gate.port, post(gate.world.tokens["ana"], body, headers=["connection: close"]))
    head, _, answer = raw.partition(b"\r\n\r\n")
    lines = head.decode().split("\r\n")
    return int(lines[0].split()[1]), dict(line.split(": ", 1) for line in lines[1:]), answer


@pytest.fixture(scope="module")
def gate():
    with wire(program=demo_program().replace(b"targets: any ", b"targets: in-scope ")) as served:
        yield served


def test_a_target_outside_the_scope_in_prose_is_marked_in_the_header(gate):
    status, headers, _ = call(gate, "what of evil.example and www.northwind.example?")
    assert (status, headers["safeconduct-targets-outside"]) == (200, "evil.example")
    status, headers, _ = call(gate, "what of www.northwind.example?")
    assert (status, headers.get("safeconduct-targets-outside")) == (200, None)


def test_many_marks_are_counted_and_what_is_not_ascii_is_escaped(gate):
    names = " ".join(f"evil{number:02}.example" for number in range(18))
    _, headers, _ = call(gate, names)
    assert headers["safeconduct-targets-outside"].endswith("evil15.example, 2 more")
    _, headers, _ = call(gate, "ex\u200dample.com")
    assert headers["safeconduct-targets-outside"] == "ex\\u200dample.com"


def test_an_address_with_a_scheme_outside_the_scope_is_refused(gate):
    status, headers, answer = call(gate, "fetch https://evil.example/")
    assert (status, headers.get("safeconduct-targets-outside")) == (403, None)
    assert b"target-outside-scope" in answer
