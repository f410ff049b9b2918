"""The data map says what the path and the agreement in force say, and nothing else."""

from dataclasses import replace

import pytest

from safeconduct.access import records as kept
from safeconduct.access.data_handling import DataHandling
from safeconduct.access.model.agreements import FieldRule, Opening
from safeconduct.gateway.data_map import data_of
from safeconduct.gateway.entries import SEALED
from safeconduct.kernel.entries import Reader
from support.programs import demo_program, in_force


@pytest.fixture(scope="module")
def facts():
    state = in_force(demo_program()).state
    return state.get(kept.PATHS, "soc-triage"), kept.require_agreement(state)


def classes(path, agreement):
    return {one.name: (one.handling, one.leaves) for one in data_of(path, agreement).classes}


def test_what_nobody_inspects_leaves_as_it_is(facts):
    path, agreement = facts
    assert classes(path, agreement) == {"telemetry": (None, "as it is"), "unlabeled": (None, "as it is")}
    assert not data_of(path, agreement).inspected


def test_of_an_inspected_path_each_class_leaves_as_it_is_handled(facts):
    path, agreement = facts
    handling = {
        "account": DataHandling.PSEUDONYMIZE,
        "secret": DataHandling.REDACT,
        "payment": DataHandling.REFUSE,
        "telemetry": DataHandling.ALLOW,
        "mail": DataHandling.ALLOW,  # spoken of and not taken
    }
    path = replace(path, handling=handling, data_classes=("account", "secret", "payment", "telemetry", "text"))
    assert classes(path, agreement) == {
        "account": (DataHandling.PSEUDONYMIZE, "as a token"),
        "mail": (DataHandling.ALLOW, "not at all"),
        "payment": (DataHandling.REFUSE, "not at all"),
        "secret": (DataHandling.REDACT, "as a mark"),
        "telemetry": (DataHandling.ALLOW, "as it is"),
        "text": (None, "as it is"),
    }
    without = replace(path, handling={"account": DataHandling.PSEUDONYMIZE})
    assert classes(without, agreement)["telemetry"] == (None, "not at all")


def test_where_it_goes_and_what_for_is_what_the_program_states(facts):
    path, agreement = facts
    found = data_of(path, agreement)
    stated = path.providers[0]
    assert [(one.upstream, one.vendor, one.region, one.retention) for one in found.goes_to] == [
        (stated.upstream, stated.vendor, stated.region, stated.retention)
    ]
    assert (found.purpose, found.training, found.restored_for) == ("incident-triage", "unstated", ())
    told = data_of(replace(path, restore=("role:analyst",)), replace(agreement, training="never"))
    assert (told.training, told.restored_for) == ("never", ("role:analyst",))


def test_each_sealed_field_has_its_readers_as_the_agreement_says(facts):
    path, agreement = facts
    found = {(one.entry, one.field): one for one in data_of(path, agreement).kept}
    assert set(found) == {(entry, name) for entry, names in SEALED.items() for name in names}
    stated = FieldRule(id="x", readers=(Reader.PROVIDER, Reader.PARTNER), opening=Opening.TWO_PARTY)
    ruled = data_of(path, replace(agreement, fields={"gateway.call.intent/request": stated}))
    by_field = {(one.entry, one.field): (one.readers, one.opening) for one in ruled.kept}
    assert by_field.pop(("gateway.call.intent/1", "request")) == (("partner", "provider"), Opening.TWO_PARTY)
    assert set(by_field.values()) == {((Reader.PARTNER,), Opening.SINGLE)}
    limited = replace(agreement, retention={"call": 30}, fields={})
    assert {one.days for one in data_of(path, limited).kept} == {30}
