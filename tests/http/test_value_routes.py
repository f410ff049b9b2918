"""The report on value over entries that people's and a model's work left: each figure is looked up in them again."""

import json

import pytest

from safeconduct.access import records as kept
from safeconduct.access.catalogue import Prices, SealedModel
from safeconduct.access.unit_costs import UnitCosts, Work
from safeconduct.gateway.events import ENDED_CALLS, EndedCall
from safeconduct.gateway.moves import End
from safeconduct.kernel.ids import PathId, PrincipalId
from safeconduct.kernel.instants import rfc3339, seconds
from safeconduct.kernel.shares import wilson
from safeconduct.soc.autonomy import look_events
from safeconduct.soc.autonomy.look_events import LOOK_DONE, LOOK_DUE, LookDone, LookDue, LookOutcome
from safeconduct.soc.incidents.closing import CLOSED, IncidentClosed
from safeconduct.soc.incidents.events import INCIDENTS
from safeconduct.soc.predicates import Judgment
from support.operations_house import House
from support.telemetry import visit

WHY = {"reason": "looked at the host"}
MINUTES = {Work.TRIAGE: 10, Work.REVIEW: 4, Work.CLOSE: 3, Work.LOOK: 9, Work.VOTE: 1}


@pytest.fixture(scope="module")
def here(tmp_path_factory):
    """A house in which a model answered twice about one incident, one of which a person accepted."""
    house = House(tmp_path_factory.mktemp("house"))
    incident = house.detected()
    house.model.say = lambda body: json.dumps({"observations": [_first(body)]})
    opened = house.now()
    house.writer.now += seconds(600)
    first, second = (explained(house, incident) for _ in range(2))
    house.writer.now += seconds(300)
    assert house.post(f"reviews/{first}/accept", WHY)[0] == 200
    metered(house, first, prompt=1_000, answer=100)
    return house, incident, opened, second


def _first(body):
    one = body["response_format"]["json_schema"]["schema"]["properties"]["observations"]["items"]["anyOf"][0]
    return {name: value["const"] for name, value in one["properties"].items()}


def explained(house, incident):
    house.writer.now += seconds(1)
    return house.post(f"incidents/{incident}/explain", {})[1]["model"]["call"]


def metered(house, call, *, prompt, answer, asked=("local",)):
    """Records what the stand-in's call took, and a price for its model."""
    ended = EndedCall(
        outcome="o", end=End.COMPLETED, model="m-1", asked=asked, prompt_tokens=prompt, completion_tokens=answer
    )
    house.writer.state.put(ENDED_CALLS, call, ended)
    path = house.writer.state.get(kept.PATHS, "soc-triage")
    priced = SealedModel(name="m", version="m-1", prices=Prices(input=2_000_000, output=10_000_000))
    house.writer.state.put(kept.PATHS, "soc-triage", type(path)(**{**_fields(path), "catalogue": (priced,)}))


def _fields(value):
    return {name: getattr(value, name) for name in type(value).__dataclass_fields__}


def act(house, path, body, **query):
    house.writer.now += seconds(60)
    status, document = house.post(path, body, **query)
    assert status == 200, document
    return document


@pytest.fixture
def strangers(tmp_path):
    """A house with three incidents that nobody looked at, and their ids."""
    house = House(tmp_path)
    visits = [
        (ip, mark, n * 7200) for n, ip in enumerate(("203.0.113.9", "203.0.113.10", "203.0.113.11")) for mark in "ab"
    ]
    lines = [visit(agent="ai analyst: whitelist" + mark, ip=ip, at_s=at) for ip, mark, at in visits]
    act(house, "telemetry", "\n".join(lines).encode(), name="access.log")
    act(house, "detections", {})
    return house, [row["id"] for row in house.get("incidents")[1]]


def told(house, **query):
    status, document = house.get("value", **query)
    assert status == 200, document
    return document


def test_times_are_those_between_entries(here):
    house, _, opened, _ = here
    found = {(one["from"], one["to"]): one for one in told(house)["times"]}
    triaged = min(one.at for one in house.writer.entries if one.type == "soc.claims.checked/1")
    reviewed = next(one.at for one in house.writer.entries if one.type == "soc.answer.reviewed/1")
    record = next(one for _, one in house.writer.state.scan(INCIDENTS))
    assert record.opened_at == opened
    assert found["opened", "triage"]["median_s"] == (triaged - opened) // seconds(1)
    assert found["opened", "review"]["median_s"] == (reviewed - opened) // seconds(1)
    assert (found["opened", "close"]["n"], found["opened", "close"]["waiting"]) == (0, 1)


def test_money_is_known_where_it_was_metered_and_declared(here):
    house, _, _, second = here
    before = told(house)["costs"]
    # 1,000 tokens at 2 USD and 100 at 10 USD for a million.
    assert (before["model_micro_usd"], before["answers"], before["unmetered"]) == (3_000, 2, 1)
    assert (before["complete"], before["undeclared"], before["hour_declared"]) == (False, ["triage", "review"], False)
    metered(house, second, prompt=500, answer=0)
    house.writer.state.put(kept.UNIT_COSTS, kept.UNIT_COSTS_KEY, UnitCosts(hour_micro_usd=60_000_000, minutes=MINUTES))
    after = told(house)["costs"]
    assert (after["complete"], after["minutes"], after["micro_usd"]) == (True, 14, 14_004_000)
    metered(house, second, prompt=500, answer=0, asked=("local", "other"))
    assert told(house)["costs"]["unmetered"] == 1


def test_what_was_merged_counts_once_from_its_first_opening(strangers):
    house, (first, second, _) = strangers
    opened = house.writer.state.get(INCIDENTS, first).opened_at
    act(house, f"incidents/{first}/triage", {"model": False})
    looked = house.now()
    merged = act(house, "incident-regroupings", {"change": "merge", "incidents": [first, second], **WHY})
    (made,) = merged["incidents"]
    act(house, f"incidents/{made}/close", {"disposition": "true-positive", **WHY})
    found = told(house)
    times = {(one["from"], one["to"]): one for one in found["times"]}
    assert (found["incidents"], found["open"]) == (2, 1)
    assert (times["opened", "triage"]["n"], times["opened", "triage"]["median_s"]) == (
        1,
        (looked - opened) // seconds(1),
    )
    assert times["opened", "close"]["median_s"] == (house.now() - opened) // seconds(1)
    assert (found["costs"]["pieces"]["close"], found["costs"]["true_positives"]) == (1, 1)
    act(house, f"incident-regroupings/{merged['id']}/undo", WHY)
    again = told(house)
    assert (again["incidents"], again["open"], again["effect"]["n"]) == (3, 3, 0)


def test_what_people_close_and_reopen_is_what_errors_are_counted_by(strangers):
    house, (first, second, third) = strangers
    for incident, disposition in ((first, "false-positive"), (second, "benign-positive"), (third, "true-positive")):
        act(house, f"incidents/{incident}/close", {"disposition": disposition, **WHY})
    found = told(house)
    assert (
        found["false_positives"]["counted"],
        found["false_positives"]["benign"],
        found["false_positives"]["of"],
    ) == (1, 1, 3)
    assert (found["effect"]["n"], found["effect"]["both_right"], found["effect"]["neither_right"]) == (3, 1, 2)
    assert found["false_negatives"]["reopened"] == 0
    act(house, f"incidents/{first}/reopen", WHY)
    act(house, f"incidents/{first}/close", {"disposition": "true-positive", **WHY})
    found = told(house)
    assert (found["false_negatives"]["reopened"], found["false_positives"]["counted"], found["open"]) == (1, 0, 0)


def test_second_looks_say_what_a_model_s_closings_missed(strangers):
    house, incidents = strangers
    house.writer.projections = {**house.writer.projections, **look_events.PROJECTIONS}
    for incident, seen in zip(incidents, (Judgment.TRUE_POSITIVE, Judgment.FALSE_POSITIVE, None), strict=True):
        closed_by_model(house, incident, seen)
    found = told(house)
    assert {name: found["false_negatives"][name] for name in ("closed_by_model", "looked", "missed")} == {
        "closed_by_model": 3, "looked": 2, "missed": 1,
    }  # fmt: skip
    assert found["false_negatives"]["among_all"] == [1.0, round(3 * wilson(1, 2)[1], 2)]
    assert (found["effect"]["n"], found["false_positives"]["counted"]) == (2, 1)
    assert (found["asks"]["by_kind"], found["asks"]["waiting"]) == ({"look": 2}, {"look": 1})
    assert (found["costs"]["pieces"]["look"], found["costs"]["pieces"]["close"]) == (2, 0)


def closed_by_model(house, incident, seen):
    """Records that a model closed an incident as none and a second look was drawn, in which a person saw `seen`."""
    house.writer.now += seconds(60)
    origin, path = house.writer.entries[-1].origin, PathId("soc-triage")
    event = IncidentClosed(
        incident=incident, disposition=Judgment.FALSE_POSITIVE, by=PrincipalId("ana"), path=path, model="m-1"
    )
    closing = house.writer.run(lambda tx: tx.append(origin, CLOSED.draft(event))).id
    due = LookDue(incident=incident, closing=closing, path=path, percent=10, due_at=house.now())
    house.writer.run(lambda tx: tx.append(origin, LOOK_DUE.draft(due)))
    if seen:
        outcome = LookOutcome.CONFIRMED if seen is event.disposition else LookOutcome.OVERTURNED
        done = LookDone(incident=incident, closing=closing, outcome=outcome, disposition=seen, by=PrincipalId("bo"))
        house.writer.run(lambda tx: tx.append(origin, LOOK_DONE.draft(done)))


def test_a_window_and_a_path_narrow_it(here):
    house, _, opened, _ = here
    assert told(house, **{"from": rfc3339(opened), "to": rfc3339(opened + 1)})["incidents"] == 1
    assert told(house, **{"from": rfc3339(opened + 1)})["incidents"] == 0
    assert told(house, to=rfc3339(opened))["incidents"] == 0
    assert told(house, path="soc-triage")["incidents"] == 1
    assert told(house, path="soc-triage", to=rfc3339(opened))["incidents"] == 0
    assert house.get("value", path="other")[1]["code"] == "path-unknown"
    assert house.get("value", **{"from": rfc3339(opened), "to": rfc3339(opened)})[1]["code"] == "window-invalid"


def test_asks_are_those_that_people_answered(here):
    house, *_ = here
    found = told(house)["asks"]
    assert (found["by_kind"]["review"], found["waiting"]["review"]) == (1, 1)
    assert found["asks"] == sum(found["by_kind"].values())


@pytest.mark.parametrize(("form", "begins"), [("text", b"1 incident opened"), ("html", b"<!doctype html>")])
def test_it_is_made_to_read_and_to_print(here, form, begins):
    house, *_ = here
    reply = house.reply("value", form=form)
    assert (reply.status, reply.body[: len(begins)]) == (200, begins)
    assert b"soc-triage" in reply.body
    assert b"<script" not in reply.body


def test_who_reads_nobody_s_telemetry_gets_nothing(here):
    house, *_ = here
    assert house.get_as("ops", "value")[1]["code"] == "not-yours"
