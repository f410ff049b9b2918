"""Sentences come from predicates; values of events stand in them quoted, escaped and bounded."""

import pytest

from safeconduct.kernel.ids import ClaimId, EventId, IncidentId
from safeconduct.soc.claims import Author, AuthorKind, make_claim
from safeconduct.soc.model import Event
from safeconduct.soc.predicates import (
    Count,
    Evidence,
    InOrder,
    Judgment,
    Observation,
    Order,
    Relation,
    Technique,
    Tie,
    Verdict,
)
from safeconduct.soc.quotes import POINTER_CHARS_MAX, quote_at, quotes, same
from safeconduct.soc.wording import CUT, VALUE_CHARS_MAX, quoted, render, shown

ONE, TWO = EventId("a" * 32), EventId("b" * 32)
AUTHOR = Author(kind=AuthorKind.RULE, name="test", version="1")


def evidence(event=ONE, pointer="/raw/user", quote="root"):
    return Evidence(event=event, pointer=pointer, quote=quote)


def sentence(predicate):
    claim = make_claim(IncidentId("i"), AUTHOR, predicate)
    return render(claim, names={"T1105": "Ingress Tool Transfer"}, titles={"al": "Download"})


def test_each_kind_of_claim_has_its_sentence():
    time = evidence(pointer="/ocsf/time", quote=1_795_165_200_000)
    later = evidence(TWO, "/ocsf/time", "2026-11-20T10:00:01Z")
    told = [
        Observation(field=evidence()),
        Count(pointer="/raw/user", value=22, count=3, cited=(evidence(),)),
        InOrder(order=Order.BEFORE, first=time, second=later),
        InOrder(order=Order.WITHIN, first=time, second=later, seconds=9),
        Relation(tie=Tie.USER, left=evidence(), right=evidence(TWO)),
        Relation(tie=Tie.PARENT, left=evidence(quote=7), right=evidence(TWO)),
        Technique(technique="T1105", alert="al", cited=(evidence(),)),
        Technique(technique="T9999", alert="other", cited=()),
        Verdict(judgment=Judgment.TRUE_POSITIVE, claims=(ClaimId("c"),)),
    ]
    assert [sentence(one) for one in told] == [
        'Event aaaaaaaa: /raw/user is "root".',
        '3 of the events in view have "22" at /raw/user.',
        'Event aaaaaaaa at 2026-11-20T09:00:00.000000Z came before event bbbbbbbb at "2026-11-20T10:00:01Z".',
        'Event aaaaaaaa at 2026-11-20T09:00:00.000000Z lies within 9 s of event bbbbbbbb at "2026-11-20T10:00:01Z".',
        'Events aaaaaaaa and bbbbbbbb concern the same user: "root".',
        'The process "7" of event aaaaaaaa started the process of event bbbbbbbb.',
        'Technique T1105 (Ingress Tool Transfer) is supported by the alert "Download".',
        'Technique T9999 is supported by the alert "other".',
        "Verdict true-positive, resting on 1 claim.",
    ]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("root", "root"),
        (True, "true"),
        (22, "22"),
        ("a\nb", "a\\u{a}b"),
        ("\x1b[2J", "\\u{1b}[2J"),
        ("a\u202eb", "a\\u{202e}b"),
        ("\ud800", "\\u{d800}"),
        ("x" * VALUE_CHARS_MAX, "x" * VALUE_CHARS_MAX),
        ("x" * (VALUE_CHARS_MAX + 1), "x" * (VALUE_CHARS_MAX - 1) + CUT),
        ("\n" * 80, ("\\u{a}" * 96)[: VALUE_CHARS_MAX - 1] + CUT),
    ],
)
def test_values_are_shown_escaped_and_bounded(value, text):
    assert shown(value) == text
    assert len(shown(value)) <= VALUE_CHARS_MAX


def test_a_value_can_not_close_its_quotation_marks():
    assert quoted('"; all clear. Event "x') == "\"'; all clear. Event 'x\""


@pytest.mark.parametrize(
    ("stored", "stated", "one"),
    [
        ("root", "root", True),
        ("root", "Root", False),
        ("root", "root ", False),
        (22, "22", True),
        ("22", 22, True),
        (22, " 22", False),
        ("022", 22, False),
        (True, "true", True),
        (True, "True", False),
        (True, 1, False),
        (1, True, False),
        (0, False, False),
        ("", 0, False),
    ],
)
def test_what_counts_as_the_same_value(stored, stated, one):
    assert same(stored, stated) is one


EVENT = Event(
    id=ONE,
    source="json",
    at=0,
    raw={
        "a/b": "slash",
        "c~d": "tilde",
        "list": ["x", {"y": 1}],
        "null": None,
        "half": 0.5,
        "bad": "\ud800",
        "big": 2**60,
    },
    ocsf={"time": 5},
)


@pytest.mark.parametrize(
    ("pointer", "value"),
    [
        ("/raw/a~1b", "slash"),
        ("/raw/c~0d", "tilde"),
        ("/raw/list/0", "x"),
        ("/raw/list/1/y", 1),
        ("/raw/list/00", None),
        ("/raw/list/2", None),
        ("/raw/list/-1", None),
        ("/raw/list", None),
        ("/raw/null", None),
        ("/raw/half", None),
        ("/raw/bad", None),
        ("/raw/big", None),
        ("/raw", None),
        ("/time", None),
        ("/id", None),
        ("", None),
        ("raw/list/0", None),
        ("/raw/list/" + "9" * 5000, None),
        ("/ocsf/time", 5),
    ],
)
def test_what_can_be_quoted(pointer, value):
    assert quote_at(EVENT, pointer) == value


def test_everything_listed_as_quotable_can_be_quoted():
    assert dict(quotes(EVENT)) == {
        "/raw/a~1b": "slash", "/raw/c~0d": "tilde", "/raw/list/0": "x", "/raw/list/1/y": 1, "/ocsf/time": 5,
    }  # fmt: skip
    assert all(quote_at(EVENT, pointer) == value for pointer, value in quotes(EVENT))


def test_a_pointer_has_a_length():
    name = "n" * (POINTER_CHARS_MAX - len("/raw/"))
    for extra, found in (("", "v"), ("n", None)):
        event = Event(id=ONE, source="json", at=0, raw={name + extra: "v"}, ocsf={})
        assert quote_at(event, f"/raw/{name}{extra}") == found
