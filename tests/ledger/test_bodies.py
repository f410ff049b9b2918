"""Events as bytes: canonical whatever they hold, and read back as what they were."""

from dataclasses import dataclass
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from safeconduct.gateway.events import CALL_INTENT, CALL_OUTCOME, CallEnded, CallIntended
from safeconduct.kernel.canonical import INTEGER_MAX, canonical
from safeconduct.kernel.entries import Draft
from safeconduct.kernel.errors import InvalidInputError
from safeconduct.kernel.instants import Instant
from safeconduct.ledger.bodies import EncodedBody, encoded_body, encoded_event, encoded_value
from safeconduct.ledger.envelope import NOTHING_SEALED, read_entry, write_entry
from safeconduct.ledger.events import EventType
from support.logs import CALLS, START

ENTRY = "01KAK00000000000000000000A"
PICKED = ["", "a", "é", "\U0001f600", '"\n']
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=8) | st.sampled_from(PICKED)
AMOUNTS = st.dictionaries(TEXTS, st.integers(-INTEGER_MAX, INTEGER_MAX), max_size=3)


def events(kind: type) -> st.SearchStrategy[Any]:
    """Returns events of a type whose numbers have a canonical form."""
    numbers = st.integers(-INTEGER_MAX, INTEGER_MAX)
    found = {field.name: field.type for field in msgspec.structs.fields(kind)}
    known = {int: numbers, Instant: numbers, int | None: st.none() | numbers, str: TEXTS, str | None: st.none() | TEXTS}
    amounts = {name: AMOUNTS for name in ("reserved", "settled") if name in found}
    return st.builds(kind, **{name: known[of] for name, of in found.items() if of in known}, **amounts)


@given(events(CallIntended) | events(CallEnded))
def test_an_event_has_the_canonical_bytes_and_reads_back_as_itself(event):
    event_type = CALL_INTENT if isinstance(event, CallIntended) else CALL_OUTCOME
    draft = event_type.draft(event)
    assert draft.body.encoded == canonical(msgspec.to_builtins(event))
    leaf, written = write_entry(draft, ENTRY, CALLS, START, NOTHING_SEALED)
    read = read_entry(leaf, CALLS)
    assert (read, dict(read.body)) == (written, dict(written.body))
    assert event_type.read(read) == event_type.read(written) == event


@dataclass(frozen=True)
class Mixed:
    """Fields that are not in order, and may hold what has no canonical form."""

    z: int
    a: Any = None
    m: tuple[int, ...] = ()


@pytest.mark.parametrize(
    "event", [Mixed(z=INTEGER_MAX), Mixed(z=1, a={"é": 1, "\U0001f600": [2]}, m=(1, 2)), Mixed(z=-0)]
)
def test_names_are_put_in_order(event):
    assert encoded_event(event).encoded == canonical(msgspec.to_builtins(event))


def test_what_a_replay_reads_otherwise_is_read_from_the_bytes():
    kind = EventType("test.mixed/1", Mixed)
    for event, carried in [(Mixed(z=1), True), (Mixed(z=1, a={"b": 1, "a": 2}), False)]:
        _leaf, entry = write_entry(kind.draft(event), ENTRY, CALLS, START, NOTHING_SEALED)
        assert (kind.read(entry) is event) is carried
    assert list(kind.read(entry).a) == ["a", "b"]


@pytest.mark.parametrize(
    "event",
    [
        Mixed(z=INTEGER_MAX + 1),
        Mixed(z=1, a=0.0),
        Mixed(z=1, a={"x": [1.5]}),
        Mixed(z=1, m=(2**53,)),
        Mixed(z=1, a="\ud800"),
    ],
    ids=["too large", "fraction", "fraction within", "too large within", "lone surrogate"],
)
def test_what_has_no_canonical_form_is_refused(event):
    with pytest.raises(InvalidInputError):
        encoded_event(event)


def test_a_body_is_a_map_that_is_encoded_once():
    body = encoded_body({"b": 1, "a": "x"})
    assert (body.encoded, dict(body), body["a"], len(body)) == (b'{"a":"x","b":1}', {"b": 1, "a": "x"}, "x", 2)
    assert encoded_body(body) is body
    assert body == {"a": "x", "b": 1}


def test_bytes_that_came_from_elsewhere_are_read_as_the_event():
    kind = EventType("test.mixed/1", Mixed)
    draft = Draft(type=kind.name, body=EncodedBody(b'{"a":null,"m":[1],"z":2}'))
    _leaf, entry = write_entry(draft, ENTRY, CALLS, START, NOTHING_SEALED)
    assert kind.read(entry) == Mixed(z=2, m=(1,))


NAMES = st.text(st.sampled_from("a\x7fé\ud7ff\ue000\uffff\U00010000\U0010ffff"), max_size=3)


@given(st.recursive(TEXTS, lambda inner: st.dictionaries(NAMES, inner, max_size=4) | st.lists(inner, max_size=3)))
def test_names_of_any_alphabet_are_in_the_canonical_order(value):
    assert encoded_value(value) == canonical(value)
