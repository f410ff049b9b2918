"""The server's live detection: exactly once over failures and restarts, in whose name it runs, and what stops it."""

from contextlib import nullcontext
from dataclasses import replace

import pytest

from safeconduct.access import records as kept
from safeconduct.access.model.stops import Freeze, Selection, Selector, SelectorKind
from safeconduct.adapters.telemetry.kept_hits import NAME, KeptHitsFile
from safeconduct.cli.detect import READ_AGAIN
from safeconduct.kernel.errors import RefusedError, UnavailableError
from safeconduct.kernel.ids import FreezeId
from safeconduct.kernel.instants import seconds
from safeconduct.runtime import detecting
from safeconduct.runtime.detecting import RETRY_LOOKS, Detector
from safeconduct.soc.correlation import correlate
from safeconduct.soc.detecting import detect
from safeconduct.soc.detection.parsing import load
from safeconduct.soc.incidents.events import INCIDENTS
from safeconduct.soc.inventory import NOTHING
from safeconduct.soc.live.keeping import Again, made_of
from safeconduct.soc.live.orders import live_orders, require_may_run
from support.operations_house import House, kept_secret
from support.sigma import counting, rule
from support.telemetry import visit

ODD = rule({"s": {"cs-uri-stem|endswith": "/odd"}, "condition": "s"}, "odd", level="medium")
MANY = counting("many", "event_count", ["odd"], generate=True, **{"group-by": ["c-ip"], "condition": {"gte": 3}})
RULES = load([("odd.yml", ODD), ("many.yml", MANY)])


class Watched:
    """What the detector looks at."""

    def __init__(self, house):
        self.events, self.rules, self.inventory = house.events, lambda: RULES, lambda: NOTHING
        self.kept = KeptHitsFile(house.folder / NAME, kept_secret)


@pytest.fixture
def house(tmp_path):
    return House(tmp_path)


def detector(house):
    return Detector(house.writer, lambda: nullcontext(house.writer.state), lambda _owner: Watched(house))


def act(house, path, body=b"", **query):
    house.writer.now += seconds(1)
    return house.post(path, body, **query)


def come(house, *at_s, name="access.log"):
    lines = [visit("/odd", at_s=s, ip="203.0.113.9") for s in at_s]
    assert act(house, "telemetry", "\n".join(lines).encode(), name=name)[0] == 200


def standing(house):
    return {record.id: record for _, record in house.writer.state.scan(INCIDENTS) if record.stands}


def whole(house):
    events = {event.id: event for event in house.events.between()}
    return {one.id for one in correlate(detect(events.values(), RULES), events, NOTHING)}


def reached(house):
    return [entry.body["events"] for entry in house.writer.entries if entry.type == "soc.detection.reached/1"]


def status(house):
    (one,) = house.get("detections/live")[1]
    return one


def test_what_comes_is_found_without_asking_and_told_once(house):
    assert act(house, "detections/live")[1]["behind"] == 0
    one = detector(house)
    come(house, 0, 10)
    assert status(house)["behind"] == 2
    assert one.look()
    assert not standing(house)
    come(house, 20)
    assert one.look()
    assert standing(house).keys() == whole(house)
    assert reached(house) == [2, 3]
    count = len(house.writer.entries)
    assert one.look()
    assert len(house.writer.entries) == count
    told = status(house)
    assert (told["events"], told["behind"], told["opened"], told["by"], told["held"]) == (3, 0, 1, "ana", {})


def test_an_incident_that_grows_is_continued(house):
    act(house, "detections/live")
    one = detector(house)
    for at_s in (0, 10, 20, 30, 3000):
        come(house, at_s)
        one.look()
    assert standing(house).keys() == whole(house)
    assert any(record.continued_by for _, record in house.writer.state.scan(INCIDENTS))


def test_a_new_process_goes_on_where_the_former_ended(house):
    act(house, "detections/live")
    come(house, 0, 10)
    detector(house).look()
    come(house, 20)
    again = detector(house)
    again.look()
    assert standing(house).keys() == whole(house)
    before = len(house.writer.entries)
    detector(house).look()
    assert (len(house.writer.entries), reached(house)) == (before, [2, 3])


@pytest.mark.parametrize("applied", [False, True])
def test_a_step_that_failed_or_seemed_to_is_done_once(house, applied, monkeypatch):
    act(house, "detections/live")
    come(house, 0, 10, 20)
    one, submit = detector(house), house.writer.submit

    def fails(command):
        if applied:
            submit(command)
        raise UnavailableError("the disk is gone")

    monkeypatch.setattr(house.writer, "submit", fails)
    assert one.look()
    monkeypatch.undo()
    for _ in range(RETRY_LOOKS):
        one.look()
        assert len(reached(house)) == applied
    one.look()
    assert standing(house).keys() == whole(house)
    assert reached(house) == [3]


def test_all_that_was_there_at_the_start_is_told_as_one(house, monkeypatch):
    monkeypatch.setattr(detecting, "STEP_EVENTS_MAX", 2)
    come(house, 0, 10, 20, 30, 40)
    act(house, "detections/live")
    one = detector(house)
    assert [one.look() for _ in range(3)] == [False, False, True]
    assert reached(house) == [5]
    assert len(list(house.writer.state.scan(INCIDENTS))) == 1


def test_a_freeze_of_who_ordered_it_stops_it_and_its_end_lets_it_go_on(house):
    act(house, "detections/live")
    one = detector(house)
    come(house, 0, 10, 20)
    for kind, name in ((SelectorKind.PRINCIPAL, "ana"), (SelectorKind.ORGANIZATION, "partner")):
        selector = Selection((Selector(kind, organization(house) if kind is SelectorKind.ORGANIZATION else name),))
        freeze = Freeze(id=FreezeId("f"), selector=selector, by="bo", reason="lost key", at=house.writer.now)
        house.writer.state.put(kept.FREEZES, "f", freeze)
        assert one.look()
        assert (status(house)["held"]["code"], reached(house)) == ("live-frozen", [])
        house.writer.state.delete(kept.FREEZES, "f")
    one.look()
    assert standing(house).keys() == whole(house)


def organization(house):
    return house.writer.state.get(kept.PRINCIPALS, "ana").organization


def test_a_freeze_of_other_things_does_not_stop_it(house):
    act(house, "detections/live")
    come(house, 0, 10, 20)
    selector = Selection((Selector(SelectorKind.PATH, "soc-triage"),))
    house.writer.state.put(
        kept.FREEZES, "f", Freeze(id=FreezeId("f"), selector=selector, by="bo", reason="x", at=house.writer.now)
    )
    detector(house).look()
    assert reached(house) == [3]


@pytest.mark.parametrize(
    ("changed", "code"), [({"roles": ()}, "role-missing"), ({"organization": "elsewhere"}, "live-not-theirs")]
)
def test_who_could_not_order_it_now_has_it_run_no_more(house, changed, code):
    act(house, "detections/live")
    come(house, 0, 10, 20)
    person = house.writer.state.get(kept.PRINCIPALS, "ana")
    house.writer.state.put(kept.PRINCIPALS, "ana", replace(person, **changed))
    detector(house).look()
    assert reached(house) == []
    (order,) = live_orders(house.writer.state)
    with pytest.raises(RefusedError) as caught:
        require_may_run(house.writer.state, order)
    assert caught.value.code == code


def test_it_ends_when_somebody_of_theirs_says_so_and_not_twice(house):
    act(house, "detections/live")
    one = detector(house)
    come(house, 0, 10, 20)
    assert act(house, "detections/live/end")[1]["events"] == 0
    assert one.look()
    assert (reached(house), house.get("detections/live")[1]) == ([], [])
    assert act(house, "detections/live/end")[1]["code"] == "live-not-ordered"


def test_a_tune_out_counts_from_the_next_step_on(house):
    act(house, "detections/live")
    one = detector(house)
    come(house, 0, 10, 20)
    one.look()
    assert status(house)["alerts"] == 4
    example = next(iter(house.events.between()))
    told = {"event": example.id, "places": ["/raw/remote_addr"], "until": "2026-12-01T00:00:00Z", "reason": "ours"}
    act(house, "rules/collections", {"files": [{"name": "odd.yml", "text": ODD}]}, name="own")
    assert act(house, "rules/tune-outs", told | {"rule": RULES.events[0].head.id})[0] == 200
    come(house, 5000)
    one.look()
    assert status(house)["alerts"] == 1


class Counted:
    """An event index that counts the events it is asked for as they arrived."""

    def __init__(self, events):
        self._events, self.read = events, 0

    def __getattr__(self, name):
        return getattr(self._events, name)

    def arrived(self, after, count):
        found = self._events.arrived(after, count)
        self.read += len(found)
        return found


def begun(house, rules=RULES, kept=None):
    """Returns a new process's detector, and the index as it reads it."""
    watched = Watched(house)
    watched.events, watched.rules, watched.kept = Counted(house.events), lambda: rules, kept or watched.kept
    return Detector(house.writer, lambda: nullcontext(house.writer.state), lambda _owner: watched), watched


def test_a_new_process_reads_what_came_since_alone(house):
    act(house, "detections/live")
    come(house, *range(0, 200, 10))
    detector(house).look()
    come(house, 5000, 5010, 5020)
    again, watched = begun(house)
    again.look()
    assert watched.events.read == 3 + 1, "those that came, and the last before them, that it is the same index"
    assert standing(house).keys() == whole(house)
    assert reached(house) == [20, 23]
    assert status(house)["read_again"] == "nothing-kept"


def test_events_without_hits_are_not_read_again_and_again(house, monkeypatch):
    monkeypatch.setattr(detecting, "STEP_EVENTS_MAX", 2)
    act(house, "detections/live")
    lines = [visit("/even", at_s=s, ip="203.0.113.9") for s in range(5)]
    assert act(house, "telemetry", "\n".join(lines).encode(), name="access.log")[0] == 200
    one = detector(house)
    while not one.look():
        pass
    again, watched = begun(house)
    again.look()
    assert watched.events.read == 1 + 1, "the fifth, which no full step of two has, and the fourth"


def damaged(house):
    path = house.folder / NAME
    path.write_bytes(path.read_bytes().replace(b"203.0.113.9", b"203.0.113.8"))


def elsewhere(house):
    file = KeptHitsFile(house.folder / NAME, kept_secret)
    step = file.read(made_of(RULES, house.events.generation()))
    file.begin(made_of(RULES, house.events.generation()), Again.NOTHING)
    file.add(replace(step, last="0" * 32))


def forged(rules, **said):
    """Returns what writes a file that fits together, with hits that say something else."""

    def wrong(house):
        made = made_of(rules, house.events.generation())
        file = KeptHitsFile(house.folder / NAME, kept_secret)
        step = file.read(made)
        file.begin(made, Again.NOTHING)
        hits = {
            said.get("rule", rule): [replace(one, **said) for one in hits] for rule, hits in step.found.hits.items()
        }
        file.add(replace(step, found=replace(step.found, hits=hits)))

    return wrong


@pytest.mark.parametrize("said", [{"events": ("0" * 32,)}, {"rule": "of-nobody"}])
def test_what_was_kept_of_events_or_rules_that_are_not_here_ends_nothing(house, said):
    act(house, "detections/live")
    come(house, 0, 10, 20)
    detector(house).look()
    forged(RULES, **said)(house)
    come(house, 5000)
    after_a_pause(begun(house)[0])
    assert status(house)["read_again"] == "damaged"
    assert standing(house).keys() == whole(house)


def test_a_count_that_was_kept_of_events_that_are_not_here_is_made_again(house):
    counted = load([("odd.yml", ODD), ("many.yml", MANY.replace("generate: true", "generate: false"))])
    act(house, "detections/live")
    come(house, 0, 10)
    begun(house, counted)[0].look()
    forged(counted, events=("0" * 32,))(house)
    one, _ = begun(house, counted)
    one.look()
    assert status(house)["alerts"] == 0, "two are no alert yet, and nothing says what is wrong"
    come(house, 20)
    after_a_pause(one)
    assert (status(house)["alerts"], status(house)["read_again"]) == (1, "damaged")


def after_a_pause(one):
    for _ in range(1 + detecting.RETRY_LOOKS + 1):
        one.look()


def without_hits(house):
    """What somebody writes who can write the file, and knows its form and all but the installation's secret."""
    file, made = KeptHitsFile(house.folder / NAME, kept_secret), made_of(RULES, house.events.generation())
    step = file.read(made)
    theirs = KeptHitsFile(house.folder / NAME, lambda: b"a guess".ljust(32))
    theirs.begin(made, Again.NOTHING)
    theirs.add(replace(step, found=replace(step.found, hits={})))


def untouched(_house):
    """Leaves it as it is."""


@pytest.mark.parametrize(
    ("wrong", "rules", "because"),
    [
        (damaged, RULES, "damaged"),
        (without_hits, RULES, "damaged"),
        (elsewhere, RULES, "other-events"),
        (untouched, load([("odd.yml", ODD)]), "other-rules"),
    ],
)
def test_what_was_kept_wrongly_is_thrown_away_and_said(house, wrong, rules, because):
    act(house, "detections/live")
    come(house, 0, 10, 20)
    detector(house).look()
    wrong(house)
    come(house, 5000)
    again, watched = begun(house, rules)
    again.look()
    assert watched.events.read >= 4
    assert status(house)["read_again"] == because
    events = {event.id: event for event in house.events.between()}
    assert status(house)["alerts"] == len(detect(events.values(), rules))


def test_what_can_not_be_kept_is_found_all_the_same(house, tmp_path):
    act(house, "detections/live")
    come(house, 0, 10)
    nowhere = KeptHitsFile(tmp_path / "no" / "folder", kept_secret)
    one, _ = begun(house, kept=nowhere)
    one.look()
    come(house, 20)
    one.look()
    assert standing(house).keys() == whole(house)
    again, watched = begun(house, kept=KeptHitsFile(tmp_path / "no" / "folder", kept_secret))
    again.look()
    assert watched.events.read == 3


def test_where_anomalies_are_told_all_is_read_again_and_said(house):
    act(house, "detections/live")
    come(house, 0, 10, 20)
    detector(house).look()
    assert act(house, "anomalies/orders", {"told": True})[0] == 200
    for _ in range(2):
        again, watched = begun(house)
        again.look()
        assert (watched.events.read, status(house)["read_again"]) == (3, "anomalies")


def test_each_reason_that_costs_a_whole_reading_has_words():
    assert READ_AGAIN.keys() == set(Again) - {Again.NOTHING}
