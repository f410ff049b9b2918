"""Rule 5: that one event followed another needs an edge, and words of cause need one that carries them."""

from dataclasses import replace

import msgspec
import pytest

from safeconduct.kernel.instants import seconds
from safeconduct.soc.claims import Author, AuthorKind, Evidence, make_claim
from safeconduct.soc.correlation import WINDOW
from safeconduct.soc.grounding import Context, Shown, check, check_all
from safeconduct.soc.inventory import Inventory
from safeconduct.soc.predicates import Consequence, Judgment, Observation, Relation, Tie, Verdict, Word
from support.soc_world import START, TECHNIQUES, Fact, event_of, world_of

HOST, TIME, USER, IP = "/ocsf/device/hostname", "/ocsf/time", "/ocsf/user/name", "/ocsf/src_endpoint/ip"
FILE = "/ocsf/process/file/path"
MODEL = Author(kind=AuthorKind.MODEL, name="m", version="1")
PERSON = Author(kind=AuthorKind.PERSON, name="ana", version="1")


def login(after=0.0, user="ana", host="web-01", address="203.0.113.66"):
    return Fact("login", START + seconds(after), host, user, address, int(after), 1, "", "accepted")


def process(pid, parent, after=0.0, host="web-01"):
    return Fact("process", START + seconds(after), host, "ana", "", pid, parent, f"run {pid} {after}", "")


class Pair:
    """Two events and a consequence that joins them by one tie at one pointer each."""

    def __init__(self, left, right, tie, pointers, *, inventory=None, file=""):
        made = {event_of(fact).id: fact for fact in (left, right)}
        here = world_of(made)
        self.first, self.second = here.events
        events = dict(here.events)
        if file:
            for id_, event in events.items():
                named = {**event.ocsf["process"], "file": {"path": file}}
                events[id_] = msgspec.structs.replace(event, ocsf={**event.ocsf, "process": named})
        inventory = inventory or Inventory()
        shown = Shown.whole(events)
        self.context = Context(
            incident=here.incident, events=events, shown=shown, techniques=TECHNIQUES, inventory=inventory
        )
        self.edge = Relation(
            tie=tie,
            left=self.piece(self.first, pointers[0]),
            right=self.piece(self.second, pointers[1]),
            support=tuple(self.piece(one, at) for one in here.events for at in (HOST, TIME)),
        )

    def piece(self, event, pointer):
        value = self.context.events[event].document()
        for step in pointer.strip("/").split("/"):
            value = value[step]
        return Evidence(event=event, pointer=pointer, quote=value)

    def claim(self, word, **changes):
        return make_claim(self.context.incident.id, MODEL, Consequence(word=word, edge=replace(self.edge, **changes)))

    def code(self, word, **changes):
        reason = check(self.claim(word, **changes), self.context).reason
        return reason.code


def by_user(after=60.0, **second):
    return Pair(login(), login(after, **second), Tie.USER, (USER, USER))


def parents(after=60.0):
    pids = ("/ocsf/process/pid", "/ocsf/process/parent_process/pid")
    return Pair(process(10, 1), process(11, 10, after), Tie.PARENT, pids)


def test_a_parent_causes_its_child():
    assert [parents().code(word) for word in Word] == ["grounded"] * 3
    assert [parents(0).code(word) for word in Word] == ["grounded"] * 3


def test_the_same_account_is_followed_by_and_no_more():
    pair = by_user()
    assert [pair.code(word) for word in Word] == ["grounded", "cause-unsupported", "cause-unsupported"]


def test_one_process_leads_from_one_event_to_the_other():
    pids = ("/ocsf/process/pid", "/ocsf/process/pid")
    pair = Pair(process(10, 1), process(10, 1, 60), Tie.PROCESS, pids)
    assert [pair.code(word) for word in Word] == ["grounded", "grounded", "cause-unsupported"]


@pytest.mark.parametrize(("host", "code"), [("web-01", "grounded"), ("db-02", "cause-unsupported")])
def test_a_file_leads_from_one_event_to_the_other_on_one_host(host, code):
    pair = Pair(process(10, 1), process(12, 1, 60, host), Tie.FILE, (FILE, FILE), file="/home/ana/.x/payload")
    assert [pair.code(word) for word in Word] == ["grounded", code, "cause-unsupported"]


def test_what_all_events_share_joins_none():
    host = Pair(login(), login(60), Tie.HOST, (HOST, HOST))
    times = tuple(one for one in host.edge.support if one.pointer == TIME)
    assert host.code(Word.FOLLOWED_BY, support=times) == "joins-nothing"
    root = Pair(login(user="root"), login(60, user="root"), Tie.USER, (USER, USER))
    assert root.code(Word.FOLLOWED_BY) == "joins-nothing"
    own = Inventory(networks={"office": ["203.0.113.0/24"]})
    assert Pair(login(), login(60), Tie.IP, (IP, IP)).code(Word.FOLLOWED_BY) == "grounded"
    assert Pair(login(), login(60), Tie.IP, (IP, IP), inventory=own).code(Word.FOLLOWED_BY) == "joins-nothing"


def test_an_edge_reaches_as_far_as_correlation_looks():
    window = WINDOW / 1_000_000
    assert by_user(window).code(Word.FOLLOWED_BY) == "grounded"
    assert by_user(window + 1).code(Word.FOLLOWED_BY) == "edge-too-long"


def test_what_follows_comes_later_and_both_times_are_cited():
    pair = by_user()
    swapped = {"left": pair.edge.right, "right": pair.edge.left}
    assert pair.code(Word.FOLLOWED_BY, **swapped) == "wrong-order"
    assert by_user(0.0, address="198.51.100.9").code(Word.FOLLOWED_BY) == "wrong-order"
    without = tuple(one for one in pair.edge.support if one.pointer != TIME)
    assert pair.code(Word.FOLLOWED_BY, support=without) == "no-time-cited"


def test_a_word_of_cause_that_nothing_carries_is_rejected_and_what_stays_is_a_claim_of_its_own():
    pair = by_user()
    said, stays = check_all([pair.claim(Word.CAUSED)], pair.context)
    assert (said.verified, said.reason.clause, said.reason.code) == (False, "grounding/5", "cause-unsupported")
    assert stays.verified
    assert stays.claim.predicate.word is Word.FOLLOWED_BY
    assert "was followed by" in stays.text
    assert "caused" not in stays.text


def test_what_stays_is_said_once():
    pair = by_user()
    claims = [pair.claim(Word.CAUSED), pair.claim(Word.LED_TO), pair.claim(Word.FOLLOWED_BY)]
    assert [one.verified for one in check_all(claims, pair.context)] == [False, False, True]


def test_a_verdict_does_not_rest_on_what_stays_of_a_claim():
    pair = by_user()
    cause = pair.claim(Word.CAUSED)
    verdict = make_claim(pair.context.incident.id, MODEL, Verdict(judgment=Judgment.TRUE_POSITIVE, claims=(cause.id,)))
    found = {one.claim.id: one.reason.code for one in check_all([cause, verdict], pair.context)}
    assert found[verdict.id] == "grounds-unverified"


@pytest.mark.parametrize(
    ("note", "code"),
    [
        ("It led to more.", "cause-in-note"),
        ("Because of this it went on.", "cause-in-note"),
        ("That triggered it, causing harm.", "cause-in-note"),
        ("The leader was here.", "grounded"),
    ],
)
def test_a_note_has_a_word_of_cause_only_where_the_claim_shows_one(note, code):
    pair = parents()
    plain = Observation(field=pair.piece(pair.first, HOST))
    for predicate, expected in ((plain, code), (Consequence(word=Word.LED_TO, edge=pair.edge), "grounded")):
        claim = make_claim(pair.context.incident.id, PERSON, predicate, note=note)
        assert check(claim, pair.context).reason.code == expected
