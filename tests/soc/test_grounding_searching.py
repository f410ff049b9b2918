"""Rule 8: what is said not to be there was asked for, could be there, and is not; what is counted is counted again."""

from dataclasses import replace

import pytest

from safeconduct.kernel.errors import UnavailableError
from safeconduct.kernel.instants import Instant, seconds
from safeconduct.soc.claims import CITED_MAX, Author, AuthorKind, decode_claim, encode_claim, make_claim
from safeconduct.soc.grounding import Context, Shown, check
from safeconduct.soc.grounding.searching import COVERAGE_S, SEARCH_WINDOW_S
from safeconduct.soc.hunts.model import Comparison, Hunt, Where
from safeconduct.soc.predicates import Absence, Evidence, Observation, Tally
from support.soc_world import START, TECHNIQUES, Fact, event_of, search_over, world_of

MODEL = Author(kind=AuthorKind.MODEL, name="m", version="1")
PERSON = Author(kind=AuthorKind.PERSON, name="ana", version="1")
HOST = "/ocsf/device/hostname"
HOUR = 3_600


def login(after, host="web-01", user="ana", outcome="accepted"):
    return Fact("login", START + seconds(after), host, user, "203.0.113.66", int(after), 1, "", outcome)


def hunt(*where, first=0, last=HOUR, sources=("login",), **more):
    return Hunt(
        where=where or (Where("user", Comparison.EQUALS, "mallory"),),
        first=Instant(START + seconds(first)),
        last=Instant(START + seconds(last)),
        sources=sources,
        **more,
    )


def context(*facts, incident=1, hunts=None):
    """The first facts are the incident's; all are in the telemetry."""
    events = {event_of(fact).id: event_of(fact) for fact in facts}
    here = world_of({event_of(fact).id: fact for fact in facts[:incident]})
    return Context(
        incident=here.incident,
        events=events,
        shown=Shown(dict.fromkeys(events), hunts),
        techniques=TECHNIQUES,
        search=search_over(events.values()),
    )


def outcome(predicate, here, author=MODEL):
    reason = check(make_claim(here.incident.id, author, predicate), here).reason
    return reason.code if reason.clause in {"grounding/8", "grounding"} else reason.clause + reason.code


USUAL = context(login(0), login(1800), login(HOUR), login(5, "db-02", "backup"))


def test_what_is_not_there_is_verified_and_what_is_there_is_not():
    assert outcome(Absence(hunt=hunt()), USUAL) == "grounded"
    assert outcome(Absence(hunt=hunt(Where("user", Comparison.EQUALS, "ana"))), USUAL) == "found-some"
    assert outcome(Absence(hunt=hunt(Where("user", Comparison.CONTAINS, "ACKU"))), USUAL) == "found-some"
    assert outcome(Absence(hunt=hunt(Where("user", Comparison.EXISTS, negated=True))), USUAL) == "grounded"


def test_the_sentence_says_exactly_what_was_asked():
    asked = hunt(Where("host", Comparison.EQUALS, "web-01"), Where("user", Comparison.CONTAINS, "mal"))
    text = check(make_claim(USUAL.incident.id, MODEL, Absence(hunt=asked)), USUAL).text
    assert text == (
        "There are no events of login, from 2026-11-20T09:00:00.000000Z to 2026-11-20T10:00:00.000000Z, "
        'where host is "web-01" and user contains "mal".'
    )


def test_a_window_beyond_all_dates_is_rendered_too():
    asked = replace(hunt(), first=Instant(2**53 - 1), last=Instant(2**53 - 1))
    assert outcome(Absence(hunt=asked), USUAL) == "source-not-there"


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"first": None}, "unbounded"),
        ({"last": None}, "unbounded"),
        ({"sources": ()}, "unbounded"),
        ({"where": ()}, "no-condition"),
        ({"group": ("user",)}, "no-condition"),
        ({"where": (Where("user", Comparison.EQUALS, "a"), Where("user", Comparison.EQUALS, "b"))}, "condition-twice"),
    ],
)
def test_it_names_its_window_its_sources_and_what_it_looked_for(changes, code):
    assert outcome(Absence(hunt=replace(hunt(), **changes)), USUAL) == code


def test_a_source_that_was_not_there_shows_nothing():
    assert outcome(Absence(hunt=hunt(sources=("login", "process"))), USUAL) == "source-not-there"


def test_telemetry_of_one_host_shows_nothing_of_another():
    quiet = Where("host", Comparison.EQUALS, "bastion")
    nobody = Where("user", Comparison.EQUALS, "mallory")
    assert outcome(Absence(hunt=hunt(quiet, nobody)), USUAL) == "source-not-there"
    assert outcome(Absence(hunt=hunt(replace(quiet, value="WEB-01"), nobody)), USUAL) == "grounded"


def test_each_hour_of_the_window_has_an_event_of_the_source():
    window = 2 * COVERAGE_S
    covered = context(login(0), login(COVERAGE_S + 1), login(window))
    assert outcome(Absence(hunt=hunt(last=window)), covered) == "grounded"
    gap = context(login(0), login(COVERAGE_S - 1), login(window + 1))
    assert outcome(Absence(hunt=hunt(last=window)), gap) == "source-not-there"
    assert outcome(Absence(hunt=hunt(last=COVERAGE_S)), gap) == "grounded"


def test_the_window_is_a_day_at_most():
    here = context(*(login(hour * HOUR) for hour in range(26)))
    assert outcome(Absence(hunt=hunt(last=SEARCH_WINDOW_S)), here) == "grounded"
    assert outcome(Absence(hunt=hunt(last=SEARCH_WINDOW_S + 1)), here) == "window-too-long"


def test_a_field_that_no_event_has_is_not_missed():
    assert outcome(Absence(hunt=hunt(Where("command", Comparison.CONTAINS, "mimikatz"))), USUAL) == "never-there"
    assert outcome(Absence(hunt=hunt(Where("/raw/no_such", Comparison.EQUALS, "x"))), USUAL) == "never-there"


def test_a_model_says_it_of_hunts_that_it_saw_the_result_of_alone():
    asked, other = hunt(), hunt(last=HOUR - 1)
    here = replace(USUAL, shown=replace(USUAL.shown, hunts=(asked,)))
    assert outcome(Absence(hunt=asked), here) == "grounded"
    assert outcome(Absence(hunt=other), here) == "not-searched"


def test_without_telemetry_nothing_follows():
    def fails(_):
        raise UnavailableError("gone", code="hunts-unavailable", remedy="")

    assert outcome(Absence(hunt=hunt()), replace(USUAL, search=None)) == "nothing-to-search"
    assert outcome(Absence(hunt=hunt()), replace(USUAL, search=fails)) == "hunt-unanswered"


def tally(here, count, *, cites=1, **asked):
    found = [event for event in here.events.values() if event.ocsf["user"]["name"] == "ana"]
    pieces = [Evidence(event=one.id, pointer=HOST, quote=one.ocsf["device"]["hostname"]) for one in found]
    return Tally(hunt=hunt(Where("user", Comparison.EQUALS, "ana"), **asked), count=count, cited=tuple(pieces[:cites]))


def test_a_count_by_query_is_what_the_hunt_finds():
    assert outcome(tally(USUAL, 3), USUAL, PERSON) == "grounded"
    assert outcome(tally(USUAL, 2), USUAL, PERSON) == "wrong-count"
    assert outcome(tally(USUAL, 2, last=HOUR - 1), USUAL, PERSON) == "grounded"
    assert outcome(tally(USUAL, 0, cites=0), USUAL, PERSON) == "grounding/1no-evidence"


def test_a_count_by_query_cites_what_the_hunt_finds():
    other = next(one for one in USUAL.events.values() if one.ocsf["user"]["name"] == "backup")
    wrong = (Evidence(event=other.id, pointer=HOST, quote="db-02"),)
    here = replace(
        USUAL, shown=replace(USUAL.shown, hunts=(hunt(Where("user", Comparison.EXISTS)), tally(USUAL, 3).hunt))
    )
    assert outcome(replace(tally(USUAL, 3), cited=wrong), here) == "cites-something-else"
    assert outcome(tally(USUAL, 3, cites=3), here) == "grounded"


def test_what_a_hunt_found_can_be_cited_and_nothing_else_beside_the_incident():
    outside = next(one for one in USUAL.events.values() if one.ocsf["user"]["name"] == "backup")
    said = Observation(field=Evidence(event=outside.id, pointer=HOST, quote="db-02"))
    found = hunt(Where("user", Comparison.EQUALS, "backup"))
    for hunts, code in (((found,), "grounded"), ((), "out-of-scope"), ((hunt(),), "out-of-scope")):
        here = replace(USUAL, shown=replace(USUAL.shown, hunts=hunts))
        assert outcome(said, here).endswith(code)
    early = replace(found, last=Instant(found.first + seconds(4)))
    assert outcome(said, replace(USUAL, shown=replace(USUAL.shown, hunts=(early,)))).endswith("out-of-scope")


def test_many_fields_can_be_cited_and_no_more_than_for_any_claim():
    here = context(*(login(number) for number in range(CITED_MAX + 1)))
    assert outcome(tally(here, CITED_MAX + 1, cites=CITED_MAX), here, PERSON).endswith("out-of-scope")
    here = replace(here, shown=replace(here.shown, hunts=(tally(here, 1).hunt,)))
    assert outcome(tally(here, CITED_MAX + 1, cites=CITED_MAX), here) == "grounded"
    assert outcome(tally(here, CITED_MAX + 1, cites=CITED_MAX + 1), here) == "grounding/1too-much-evidence"


@pytest.mark.parametrize(
    ("note", "code"),
    [
        ("There was no lateral movement.", "absence-in-note"),
        ("Nobody logged in, never.", "absence-in-note"),
        ("Noted.", "grounded"),
    ],
)
def test_a_note_says_that_something_is_not_there_only_where_the_claim_does(note, code):
    event = USUAL.incident.events[0]
    seen = Observation(field=Evidence(event=event, pointer=HOST, quote="web-01"))
    for predicate, expected in ((seen, code), (Absence(hunt=hunt()), "grounded")):
        claim = make_claim(USUAL.incident.id, PERSON, predicate, note=note)
        assert check(claim, USUAL).reason.code == expected


def test_such_claims_are_written_and_read_and_their_ids_hold_no_value():
    for predicate in (Absence(hunt=hunt()), tally(USUAL, 3)):
        claim = make_claim(USUAL.incident.id, MODEL, predicate)
        assert decode_claim(encode_claim(claim)) == claim
    other = hunt(Where("user", Comparison.EQUALS, "eve"))
    ids = {make_claim(USUAL.incident.id, MODEL, Absence(hunt=one)).id for one in (hunt(), other)}
    assert len(ids) == 1
