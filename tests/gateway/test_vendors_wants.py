"""Who asks is derived, never taken: identifiers, programs and versions as each vendor wants them in a body."""

import itertools
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from safeconduct.gateway.dialects.registry import DIALECTS
from safeconduct.gateway.vendors import CALLERS_OWN, WANTS, members, safety_id, vendor_key
from safeconduct.kernel.errors import UnavailableError

SECRET = b"s" * 32


def on_wire(body, vendor, dialect="openai.chat", *, identifier="sc", program="", headers=frozenset()):
    request = read(body)
    wanted = members(vendor, dialect, identifier, program, headers)
    return request.forwarded(model="m", output_tokens=5, vendor=wanted)


def read(body):
    from safeconduct.gateway.dialects.model import ModelRequest
    from safeconduct.gateway.strict_json import read_with_texts

    texts = tuple(read_with_texts(body)[1])
    return ModelRequest(
        body=body, model="m", stream=False, output_tokens=5, limits_itself=True, tools=(), texts=texts, limit_field="x"
    )


@given(st.sets(st.text(min_size=1), min_size=2, max_size=5), st.sets(st.sampled_from(sorted(WANTS)), min_size=2))
def test_an_identifier_is_stable_for_a_person_and_another_for_each_person_and_vendor(people, vendors):
    made = {(v, p): safety_id(vendor_key(SECRET, v), p) for v, p in itertools.product(vendors, people)}
    assert made == {(v, p): safety_id(vendor_key(SECRET, v), p) for v, p in made}
    assert len(set(made.values())) == len(made)
    assert made.keys().isdisjoint({(v, p) for (v, p), one in made.items() if one == safety_id(b"t" * 32, p)})
    assert all(len(one) <= 64 and one.isalnum() for one in made.values())


@pytest.mark.parametrize(
    ("vendor", "dialect", "place"),
    [
        ("openai", "openai.chat", {"safety_identifier": "sc"}),
        ("openai", "openai.responses", {"safety_identifier": "sc"}),
        ("openai", "openai.embeddings", {"user": "sc"}),
        ("azure-openai", "openai.chat", {"user": "sc"}),
        ("anthropic", "anthropic.messages", {"metadata": {"user_id": "sc"}}),
        ("anthropic", "anthropic.count-tokens", {}),
        ("vertex", "anthropic.messages", {"metadata": {"user_id": "sc"}, "anthropic_version": "vertex-2023-10-16"}),
        ("bedrock", "anthropic.messages", {"anthropic_version": "bedrock-2023-05-31"}),
        ("compatible", "openai.chat", {}),
        ("local", "openai.chat", {}),
    ],
)
def test_what_a_caller_says_of_itself_is_replaced(vendor, dialect, place):
    said = dict.fromkeys(CALLERS_OWN[dialect], "somebody-else") | {"a": 1.50}
    body = json.dumps(said).replace("1.5", "1.50").encode()
    sent = on_wire(body, vendor, dialect)
    assert json.loads(sent) == place | {"a": 1.5}
    assert b"somebody-else" not in sent
    assert b"1.50" in sent  # other values stay as they came


def test_without_anything_to_say_the_callers_bytes_go_on():
    body = b'{"a": 1}'
    assert on_wire(body, "compatible") is body
    assert on_wire(b'{"us\\u0065r": "x", "a": 1}', "compatible") == b'{"a":1}'  # the name, however it is written


def test_an_address_that_names_model_and_stream_leaves_them_out_of_the_body():
    body = b'{"model":"m","stream":true,"max_tokens":1}'
    assert json.loads(on_wire(body, "bedrock", "anthropic.messages")) == {
        "max_tokens": 1,
        "anthropic_version": "bedrock-2023-05-31",
    }
    assert json.loads(on_wire(body, "vertex", "anthropic.messages", identifier=""))["stream"] is True
    assert json.loads(on_wire(b'{"model":"m"}', "vertex", "anthropic.count-tokens"))["model"] == "m"


def test_a_program_has_a_place_or_the_call_is_refused():
    told = on_wire(b"{}", "openai", "openai.responses", program="daybreak_blue")
    assert json.loads(told)["access_programs"] == {"cyber": "daybreak_blue"}
    with pytest.raises(UnavailableError) as caught:
        on_wire(b"{}", "openai", "openai.chat", program="daybreak_blue")
    assert caught.value.code == "program-unplaced"
    assert b"daybreak" not in on_wire(b"{}", "openai", "openai.chat", program="x", headers=frozenset({"program"}))


def test_every_dialect_that_is_read_has_its_own_members_named():
    assert set(DIALECTS) <= set(CALLERS_OWN)
