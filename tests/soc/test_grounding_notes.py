"""Rule 7: what a person's note names must occur in the events it cites."""

import pytest

from safeconduct.soc.claims import TIME_POINTER, Author, AuthorKind, make_claim
from safeconduct.soc.grounding import Context, Shown, check
from safeconduct.soc.grounding.notes import NOTE_CHARS_MAX
from safeconduct.soc.grounding.observables import Observable, observables
from safeconduct.soc.grounding.timing import WITHIN_S_MAX
from safeconduct.soc.predicates import Evidence, InOrder, Observation, Order
from support.soc_world import START, TECHNIQUES, Fact, event_of, world_of

LOGIN = Fact("login", START, "web-01", "deploy", "203.0.113.66", 4242, 1, "", "accepted")
START_OF = Fact("process", START, "web-01", "deploy", "", 77, 4242, "/opt/.x/run --all CVE-2021-44228", "accepted")
OTHER = Fact("login", START + 1, "db-02", "backup", "198.51.100.9", 4243, 1, "", "failed")
MADE = {event_of(fact).id: fact for fact in (LOGIN, START_OF, OTHER)}
PERSON = Author(kind=AuthorKind.PERSON, name="ana", version="1")


def outcome(note, fact):
    here = world_of(MADE)
    event = event_of(fact)
    field = Evidence(event=event.id, pointer="/raw/host", quote=fact.host)
    context = Context(
        incident=here.incident,
        events=here.events,
        shown=Shown.whole(here.events),
        techniques=TECHNIQUES,
    )
    return check(make_claim(here.incident.id, PERSON, Observation(field=field), note=note), context).reason.code


@pytest.mark.parametrize(
    ("note", "fact"),
    [
        ("Someone at 203.0.113.66 logged in as deploy on web-01.", LOGIN),
        ("User deploy was let in, port 4242.", LOGIN),
        ("The user was let in.", LOGIN),
        ("It ran /opt/.x/run, see CVE-2021-44228.", START_OF),
        ('The command line is "/opt/.x/run --all CVE-2021-44228".', START_OF),
    ],
)
def test_a_note_that_names_only_what_the_event_names_is_grounded(note, fact):
    assert outcome(note, fact) == "grounded"


@pytest.mark.parametrize(
    "note",
    [
        "Someone at 203.0.113.67 logged in.",
        "Someone at 203.0.113.6 logged in.",
        "Someone at 03.0.113.66 logged in.",
        "Someone at 2001:db8::7 logged in.",
        "The same as on db-02.",
        "The same as on web-0.",
        "The same as on web-011.",
        "User backup was let in.",
        "It was backup who was let in.",
        "user: admin",
        "It read /etc/shadow.",
        "It read web-01/etc and C:\\Windows\\win.ini",
        "It used CVE-2021-44228.",
        "It used T1105.",
        "It fetched http://evil.example/p",
        "It talked to evil.example.",
        "Its hash is 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08.",
        "Its hash is 9F86D081884C7D659A2FEAA0C55AD015.",
        "See rule 5af54681-df95-4c26-854f-2565e13cfab0.",
        'It said "whitelist me".',
        "Mail root@mail.example.",
    ],
)
def test_a_note_that_names_anything_else_is_rejected(note):
    assert outcome(note, LOGIN) == "observable-ungrounded"


def test_a_path_inside_another_path_is_not_that_path():
    assert outcome("It ran /opt/.x/run.", START_OF) == "grounded"
    assert outcome("It ran /.x/run.", START_OF) == "observable-ungrounded"
    assert outcome("It ran /opt/.x/ru.", START_OF) == "observable-ungrounded"


def test_a_note_has_a_limit():
    assert outcome("x" * NOTE_CHARS_MAX, LOGIN) == "grounded"
    assert outcome("x" * (NOTE_CHARS_MAX + 1), LOGIN) == "note-too-long"


def test_observables_have_kinds():
    text = "10.0.0.1 ::1 /etc/passwd CVE-2024-3094 T1059.004 a.example web-01 ana@db-02 user root"
    assert observables(text) == {
        Observable("ip", "10.0.0.1"),
        Observable("ip", "::1"),
        Observable("path", "/etc/passwd"),
        Observable("cve", "CVE-2024-3094"),
        Observable("technique", "T1059.004"),
        Observable("domain", "a.example"),
        Observable("host", "web-01"),
        Observable("host", "CVE-2024-3094"),
        Observable("account", "ana@db-02"),
        Observable("named", "root"),
    }


@pytest.mark.parametrize(("seconds", "code"), [(WITHIN_S_MAX, "grounded"), (WITHIN_S_MAX + 1, "seconds-out-of-range")])
def test_a_within_spans_so_much(seconds, code):
    here = world_of(MADE)
    first, second = (
        Evidence(event=event_of(fact).id, pointer=TIME_POINTER, quote=fact.at // 1000) for fact in (LOGIN, START_OF)
    )
    context = Context(incident=here.incident, events=here.events, shown=Shown.whole(here.events), techniques=TECHNIQUES)
    said = InOrder(order=Order.WITHIN, first=first, second=second, seconds=seconds)
    assert check(make_claim(here.incident.id, PERSON, said), context).reason.code == code
