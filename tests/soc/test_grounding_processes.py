"""Rule 4 where ids are used again: a pid is a process on a host, for a time."""

from dataclasses import replace

import pytest
from msgspec import structs

from safeconduct.kernel.instants import seconds
from safeconduct.soc.claims import Author, AuthorKind, make_claim
from safeconduct.soc.grounding import Context, Shown, check
from safeconduct.soc.grounding.linking import PROCESS_LIFE_S
from safeconduct.soc.model import Event
from safeconduct.soc.predicates import Evidence, Relation, Tie
from support.soc_world import START, TECHNIQUES, Fact, event_of, world_of

HOST, TIME = "/ocsf/device/hostname", "/ocsf/time"


def process(pid, parent, after=0.0, host="web-01"):
    return Fact("process", START + seconds(after), host, "deploy", "", pid, parent, f"run {pid} {after}", "")


def outcome(parent, child, *others, tie=Tie.PARENT, without=None):
    facts = [parent, child, *others]
    events = {event_of(fact).id: event_of(fact) for fact in facts}
    here = world_of({event_of(fact).id: fact for fact in facts})
    left, right = event_of(parent), event_of(child)
    if without:
        events = {id_: structs.replace(event, ocsf={**event.ocsf, without: {}}) for id_, event in events.items()}
    support = [
        Evidence(event=event.id, pointer=pointer, quote=value)
        for event, fact in ((left, parent), (right, child))
        for pointer, value in ((HOST, fact.host), (TIME, fact.at // 1000))
        if not (without and pointer == HOST)
    ]
    pids = {Tie.PARENT: "/ocsf/process/parent_process/pid", Tie.PROCESS: "/ocsf/process/pid"}
    relation = Relation(
        tie=tie,
        left=Evidence(event=left.id, pointer="/ocsf/process/pid", quote=parent.pid),
        right=Evidence(event=right.id, pointer=pids[tie], quote=child.parent if tie is Tie.PARENT else child.pid),
        support=tuple(support),
    )
    context = Context(incident=here.incident, events=events, shown=Shown.whole(events), techniques=TECHNIQUES)
    author = Author(kind=AuthorKind.MODEL, name="m", version="1")
    return check(make_claim(here.incident.id, author, relation), context).reason.code


def test_a_parent_by_pid_host_and_time():
    assert outcome(process(10, 1), process(11, 10, 5)) == "grounded"
    assert outcome(process(10, 1), process(11, 10, 0)) == "grounded"


def test_the_same_pid_on_another_host_is_another_process():
    assert outcome(process(10, 1, host="db-02"), process(11, 10, 5)) == "not-the-same"


def test_a_child_does_not_start_before_its_parent():
    assert outcome(process(10, 1, 5), process(11, 10)) == "parent-after-child"


@pytest.mark.parametrize("tie", [Tie.PARENT, Tie.PROCESS])
def test_a_pid_is_not_trusted_forever(tie):
    child = (11, 10) if tie is Tie.PARENT else (10, 1)
    assert outcome(process(10, 1), process(*child, PROCESS_LIFE_S), tie=tie) == "grounded"
    assert outcome(process(10, 1), process(*child, PROCESS_LIFE_S + 1), tie=tie) == "pid-too-old"


def test_a_pid_used_again_in_between_is_the_parent():
    assert outcome(process(10, 1), process(11, 10, 9), process(10, 2, 5)) == "nearer-parent"
    assert outcome(process(10, 1), process(11, 10, 9), process(10, 2, 10)) == "grounded"
    assert outcome(process(10, 1), process(11, 10, 9), process(10, 2, 5, host="db-02")) == "grounded"


def test_a_process_without_a_host_is_nobody():
    assert outcome(process(10, 1), process(11, 10, 5), without="device") == "not-the-same"


def test_an_account_without_a_host_is_nobody():
    facts = [Fact("login", START + number, "web-01", "root", "203.0.113.66", number, 1, "", "") for number in (1, 2)]
    made = {event_of(fact).id: fact for fact in facts}
    here = world_of(made)
    events = {id_: structs.replace(event, ocsf={**event.ocsf, "device": {}}) for id_, event in here.events.items()}
    left, right = (Evidence(event=id_, pointer="/ocsf/user/name", quote="root") for id_ in events)
    context = Context(incident=here.incident, events=events, shown=Shown.whole(events), techniques=TECHNIQUES)
    author = Author(kind=AuthorKind.MODEL, name="m", version="1")
    claim = make_claim(here.incident.id, author, Relation(tie=Tie.USER, left=left, right=right))
    assert check(claim, context).reason.code == "host-unknown"


GUID, PARENT_GUID = "{39e4a257-40a6-5f8d-a005-000000000700}", "{39E4A257-402F-5F8D-9905-000000000700}"


SYSMON = {"EventID": 1, "Channel": "Microsoft-Windows-Sysmon/Operational", "SourceName": "Microsoft-Windows-Sysmon"}


def named(tie, left, right):
    """What a tie comes to between two Windows events with these fields, a year apart and without a host."""
    raws = [{**SYSMON, **one} for one in (left, right)]
    made = [Event(id=f"{n}" * 32, source="windows", at=START + n, raw=raw, ocsf={}) for n, raw in enumerate(raws)]
    here = replace(world_of({event_of(process(1, 1)).id: process(1, 1)}).incident, events=tuple(one.id for one in made))
    events = {one.id: one for one in made}
    context = Context(incident=here, events=events, shown=Shown.whole(events), techniques=TECHNIQUES)
    pieces = [
        Evidence(event=event.id, pointer=f"/raw/{name}", quote=value)
        for event, given in zip(made, (left, right), strict=True)
        for name, value in given.items()
    ]
    author = Author(kind=AuthorKind.MODEL, name="m", version="1")
    claim = make_claim(here.id, author, Relation(tie=tie, left=pieces[0], right=pieces[1]))
    return check(claim, context).reason.code


def test_a_process_guid_is_one_process_everywhere():
    assert named(Tie.PROCESS, {"ProcessGuid": GUID}, {"ProcessGuid": GUID.upper()}) == "grounded"
    assert named(Tie.PROCESS, {"ProcessGuid": GUID}, {"ProcessGuid": PARENT_GUID}) == "not-the-same"
    assert named(Tie.PROCESS, {"ProcessId": "7256"}, {"ProcessId": "7256"}) == "not-the-same"


def test_a_parent_by_guid_is_where_the_child_names_it():
    child = {"ParentProcessGuid": PARENT_GUID}
    assert named(Tie.PARENT, {"ProcessGuid": PARENT_GUID.lower()}, child) == "grounded"
    assert named(Tie.PARENT, {"ProcessGuid": GUID}, child) == "not-the-same"
    assert named(Tie.PARENT, {"ParentProcessGuid": PARENT_GUID}, child) == "no-pid-cited"
    assert named(Tie.PARENT, {"ProcessGuid": GUID}, {"ProcessGuid": GUID}) == "no-pid-cited"


def test_a_sid_of_a_domain_is_one_account_and_one_of_every_machine_is_none():
    domain, system = "S-1-5-21-1-2-3-1104", "S-1-5-18"
    assert named(Tie.USER, {"SubjectUserSid": domain}, {"TargetUserSid": domain.lower()}) == "grounded"
    assert named(Tie.USER, {"SubjectUserSid": system}, {"TargetUserSid": system}) == "host-unknown"
