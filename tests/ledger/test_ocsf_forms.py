"""Every entry type has an OCSF form that the published schema accepts, whatever stands in the entry."""

import dataclasses
import enum
import importlib
import pkgutil
import types
import typing

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import safeconduct
from safeconduct.bootstrap.forms import FORMS
from safeconduct.bootstrap.projections import PROJECTIONS
from safeconduct.kernel.canonical import canonical
from safeconduct.kernel.entries import Draft, Reader
from safeconduct.kernel.instants import Instant
from safeconduct.ledger.envelope import decode_leaf, seal
from safeconduct.ledger.events import EventType
from safeconduct.ledger.merkle import leaf_hash
from safeconduct.ledger.ocsf import OCSF_VERSION, PlacedLeaf, ocsf_event, place_only, without_leaf
from safeconduct.ledger.sealing import DataKey
from safeconduct.ledger.shipping import outgoing
from support.leaves import encode_leaf
from support.logs import CALLS, START, Counting
from support.ocsf import faults

ENTRY = "01K9ZZZZZZZZZZZZZZZZZZZZZZ"
ACT = {"actor": "ana", "operation": "POST /x", "content": "0" * 64, "at": "t", "nonce": "n", "signature": "s"}


DECLARING = {
    "closing", "events", "holding", "incidents", "ingesting", "orders", "regrouping", "rule_collections", "tune_outs",
}  # fmt: skip


def entry_types():
    """Returns every entry type that a module of the package declares, by name."""
    found = {}
    for module in pkgutil.walk_packages(safeconduct.__path__, "safeconduct."):
        if module.name.rpartition(".")[2] in DECLARING or module.name.endswith(("_events", "_orders")):
            declared = vars(importlib.import_module(module.name)).values()
            found |= {one.name: one for one in declared if isinstance(one, EventType)}
    return found


TYPES = entry_types()

INSTANTS = st.integers(min_value=0, max_value=4_000_000_000_000_000)
TEXT = st.text(max_size=20)
JSON = st.none() | st.booleans() | st.integers(-9, 2**53 - 1) | TEXT


def members_of(kind):
    found = msgspec.structs.fields(kind) if issubclass(kind, msgspec.Struct) else dataclasses.fields(kind)
    return [one.name for one in found]


def drawn(kind):
    """Returns a strategy of values of a field's type, as entries hold them."""
    if kind is Instant:
        return INSTANTS
    if hasattr(kind, "__supertype__"):
        return drawn(kind.__supertype__)
    if dataclasses.is_dataclass(kind) or issubclass(kind if isinstance(kind, type) else object, msgspec.Struct):
        hints = typing.get_type_hints(kind)
        return st.builds(kind, **{name: drawn(hints[name]) for name in members_of(kind)})
    inner = typing.get_args(kind)
    if typing.get_origin(kind) is tuple:
        return st.lists(drawn(inner[0]), max_size=3).map(tuple) if inner[-1] is ... else st.tuples(*map(drawn, inner))
    if typing.get_origin(kind) in (typing.Union, types.UnionType):
        return st.one_of(map(drawn, inner))
    if typing.get_origin(kind) is not None:
        return st.dictionaries(TEXT, JSON if inner[1] is typing.Any else drawn(inner[1]), max_size=3)
    if issubclass(kind, enum.Enum):
        return st.sampled_from(kind)
    return {str: TEXT, int: st.integers(0, 2**53 - 1), bool: st.booleans(), type(None): st.none()}[kind]


def placed(draft, index=7):
    return PlacedLeaf(origin=CALLS, index=index, leaf=encode_leaf(draft, ENTRY, START))


def test_every_entry_type_has_a_form_and_no_form_is_for_nothing():
    assert FORMS.keys() == PROJECTIONS.keys()
    assert TYPES.keys() >= PROJECTIONS.keys()


@pytest.mark.parametrize("name", sorted(PROJECTIONS))
@given(data=st.data())
@settings(max_examples=15)
def test_the_published_schema_accepts_every_form(name, data):
    event = data.draw(drawn(TYPES[name].kind))
    for act in (None, ACT):
        made = ocsf_event(placed(TYPES[name].draft(event, act=act)), FORMS)
        assert faults(made) == []
        assert faults(without_leaf(made)) == []
        assert faults(place_only(made)) == []
        assert made["metadata"]["event_code"] == name


def test_an_entry_of_an_unknown_type_goes_out_as_a_base_event():
    made = ocsf_event(placed(Draft(type="new.thing.done/9", body={"a": 1})), FORMS)
    assert (made["class_uid"], made["activity_name"]) == (0, "Entry of an unknown type")
    assert faults(made) == []


def test_the_place_and_the_hash_of_the_entry_stand_in_the_event():
    where = placed(Draft(type="new.thing.done/9", body={"a": 1}), index=41)
    made = ocsf_event(where, FORMS)
    named = made["metadata"]
    assert (named["log_name"], named["sequence"], named["uid"]) == (CALLS, 41, ENTRY)
    assert (named["version"], named["original_time"]) == (OCSF_VERSION, "2026-11-21T08:00:00.000000Z")
    assert made["raw_data"].encode() == where.leaf
    assert made["raw_data_size"] == len(where.leaf)
    assert made["raw_data_hash"]["value"] == leaf_hash(where.leaf).hex()


def test_sealed_values_never_stand_in_the_clear():
    draft = Draft(type="gateway.call.intent/1", body={"principal": "ana"}, sealed={"request": "the secret plan"})
    key = DataKey("0f" * 16, bytes(32), frozenset({Reader.PARTNER}))
    sealed = seal(draft, ENTRY, {"request": key}, Counting())
    leaf = encode_leaf(draft, ENTRY, START, sealed)
    made = ocsf_event(PlacedLeaf(origin=CALLS, index=0, leaf=leaf), FORMS)
    assert "secret plan" not in repr(made)
    assert decode_leaf(leaf).sealed["request"].blob in made["raw_data"]


def test_the_short_forms_keep_what_a_check_needs():
    made = ocsf_event(placed(Draft(type="new.thing.done/9", body={"a": "x" * 60_000})), FORMS)
    short, least = without_leaf(made), place_only(made)
    for one in (short, least):
        assert "raw_data" not in one
        assert one["raw_data_hash"] == made["raw_data_hash"]
        assert one["metadata"]["is_truncated"]
        assert one["metadata"]["sequence"] == 7
    assert least["class_uid"] == 0


@pytest.mark.parametrize("leaf", [b"", b"{}", b"\xff\x00", b'{"v":2}'])
def test_a_leaf_that_is_no_entry_goes_out_as_what_it_is(leaf):
    made = ocsf_event(PlacedLeaf(origin=CALLS, index=5, leaf=leaf), FORMS)
    assert faults(made) == faults(place_only(made)) == []
    assert (made["activity_name"], made["metadata"]["sequence"]) == ("Entry that can't be read", 5)
    assert made["raw_data_hash"]["value"] == leaf_hash(leaf).hex()


@pytest.mark.parametrize("name", sorted(PROJECTIONS))
@given(data=st.data())
@settings(max_examples=10)
def test_a_hostile_body_under_a_known_type_stops_nobody(name, data):
    members = members_of(TYPES[name].kind)
    nested = st.recursive(JSON, lambda inner: st.lists(inner, max_size=2) | st.dictionaries(TEXT, inner, max_size=2))
    body = data.draw(st.dictionaries(st.sampled_from([*members, "x"]), nested, max_size=4))
    made = ocsf_event(placed(Draft(type=name, body=body)), FORMS)
    assert made["metadata"]["event_code"] == name
    assert faults(place_only(made)) == []


def test_the_place_alone_is_short_whatever_a_hostile_log_calls_its_entries():
    named = {"id": "i" * 20_000, "type": "t" * 20_000}
    leaf = {"v": 1, "at": "2026-11-21T08:00:00Z", "retention": "call", "body": {}} | named
    row = outgoing(PlacedLeaf(origin=CALLS, index=1, leaf=canonical(leaf)), FORMS)
    assert faults(place_only(row.event)) == []
    assert len(canonical(place_only(row.event))) < 2048
    assert len(row.id) == 26 + 1 + 32
