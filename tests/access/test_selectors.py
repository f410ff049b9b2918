"""The grammar of selectors, and that each of them selects exactly the calls that it names, running or new."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from safeconduct.access import selectors
from safeconduct.access.compiling import compile_standing
from safeconduct.access.freeze_preview import cuts_everybody, preview
from safeconduct.access.freezes import call_facts
from safeconduct.access.marks import Freezes
from safeconduct.access.model.calls import CallRequest
from safeconduct.access.model.stops import Freeze, Selector, SelectorKind
from safeconduct.access.model.tokens import Token
from safeconduct.access.secrets import secret_hash
from safeconduct.access.selectable import check_selected
from safeconduct.access.selectors import parse_selection, parse_selector, place_tag
from safeconduct.adapters.memory.records import MemoryState
from safeconduct.kernel.errors import AbsentError, InvalidInputError
from support.attributes import FRANCE, IRAN, TAG_SECRET, attributed
from support.immediate import START
from support.programs import KEYS, in_force

STATE = in_force(attributed()).state
STANDING = compile_standing(STATE)
EVERYTHING = frozenset(STANDING.granted)
TRIAGE = {"ana-triage", "service-triage", "cy-triage", "dee-triage"}
HUNTING = {"ana-hunting", "pia-hunting"}
ANA_KEY = KEYS["ana"].public.text


def test_the_program_has_what_is_selected_by():
    assert EVERYTHING == TRIAGE | HUNTING


@pytest.mark.parametrize(
    ("selector", "cut", "narrowed"),
    [
        ("all", EVERYTHING, ()),
        ("agreement:ag-2026-01", EVERYTHING, ()),
        ("organization:northwind", EVERYTHING - {"cy-triage"}, ()),
        ("organization:acme", {"cy-triage"}, ()),
        ("subprocessor:acme", {"cy-triage", "dee-triage"}, ()),  # its own, and who works through it
        ("subprocessor:hoster", TRIAGE, ()),  # the path whose provider it runs
        ("jurisdiction:us", EVERYTHING - {"cy-triage"}, ()),
        ("jurisdiction:de", {"cy-triage"}, ()),
        ("jurisdiction:ie", TRIAGE, ()),
        ("nationality:us", {"ana-triage", "ana-hunting"}, ()),
        (f"nationality:{FRANCE}", {"ana-triage", "ana-hunting"}, ()),
        (f"nationality:{IRAN}", (), ()),  # bo has it and no grant
        ("!nationality:us", EVERYTHING - {"ana-triage", "ana-hunting"}, ()),
        ("path:soc-triage", TRIAGE, ()),
        ("purpose:threat-hunting", HUNTING, ()),
        ("model:strong", HUNTING, {"ana-triage", "cy-triage", "dee-triage"}),
        ("model:strong-1", HUNTING, {"ana-triage", "cy-triage", "dee-triage"}),
        ("model:latest", HUNTING, {"ana-triage", "cy-triage", "dee-triage"}),
        ("tier:2", HUNTING, {"ana-triage", "cy-triage", "dee-triage"}),
        ("tier:1+", HUNTING, {"ana-triage", "cy-triage", "dee-triage"}),
        ("tier:0+", EVERYTHING, ()),
        ("tier:0", {"service-triage"}, {"ana-triage", "cy-triage", "dee-triage"}),
        ("principal:ana", {"ana-triage", "ana-hunting"}, ()),
        ("grant:ana-triage", {"ana-triage"}, ()),
        (f"key:{ANA_KEY}", {"ana-triage", "ana-hunting"}, ()),
        ("key:key_7", TRIAGE, ()),
        # What a directive may ask for: one model, for everybody but its own nationals.
        ("model:strong&!nationality:us", {"pia-hunting"}, {"cy-triage", "dee-triage"}),
        ("purpose:threat-hunting&principal:ana", {"ana-hunting"}, ()),
        ("path:soc-triage&!subprocessor:acme", {"ana-triage", "service-triage"}, ()),
    ],
)
def test_what_each_selector_cuts_narrows_and_leaves(selector, cut, narrowed):
    selection = parse_selection(selector)
    check_selected(STATE, selection)
    found = preview(STATE, selection)
    assert set(found.cut.grants) == set(cut)
    assert set(found.narrowed.grants) == set(narrowed)
    assert set(found.unaffected.grants) == EVERYTHING - set(cut) - set(narrowed)
    assert found.everybody is cuts_everybody(STATE, selection) is (set(cut) == EVERYTHING)
    for grant in STANDING.granted.values():
        assert refused(selection, grant) == cut_running(selection, grant)
        assert set(refused(selection, grant)) in ({True}, {False}) or grant.id in narrowed
        assert (True in refused(selection, grant)) is (grant.id in {*cut, *narrowed})


def calls(grant):
    principal, path = STANDING.principals[grant.principal], STANDING.paths[grant.path]
    return [(principal, path, model) for model in path.catalogue if model.tier <= principal.tier]


def frozen(selection):
    freeze = Freeze(id="F", selector=selection, by="ops", reason="r", at=START)
    return replace(STANDING, freezes=Freezes((freeze,)))


def refused(selection, grant):
    """Tells of each call under a grant whether the floor refuses it as frozen."""
    found = []
    for principal, path, model in calls(grant):
        request = CallRequest(
            principal=principal.id, path=path.id, purpose=path.purpose, model=model.name, now=START, grant=grant.id
        )
        decision, _ = frozen(selection).authorize(request)
        found.append("frozen" in {reason.code for reason in decision.reasons})
    return found


def cut_running(selection, grant):
    standing = frozen(selection)
    return [
        standing.cut_by(call_facts(principal, path, grant.id, model=model), "") is not None
        for principal, path, model in calls(grant)
    ]


def test_a_token_s_calls_stop_and_those_of_another_of_its_holder_do_not():
    tokens = {
        secret: Token(id=name, hash=secret, principal="ana", issued_at=START, expires_at=START + 1)
        for name, secret in (("01T", "a" * 64), ("02T", "b" * 64))
    }
    standing = replace(frozen(parse_selection("key:01T")), tokens={})
    facts = call_facts(standing.principals["ana"], standing.paths["soc-triage"], "ana-triage")

    held = {secret_hash(name): replace(token, hash=secret_hash(name)) for name, token in tokens.items()}
    standing = replace(standing, tokens=held)
    assert standing.cut_by(facts, "a" * 64).id == "F"
    assert standing.cut_by(facts, "b" * 64) is None
    assert standing.cut_by(facts, "") is None
    ana, path = standing.principals["ana"], standing.paths["soc-triage"]
    assert standing.frozen_early(ana, path, "a" * 64).id == "F"
    assert standing.frozen_early(ana, path, "b" * 64) is None


def test_before_the_body_is_read_only_what_is_known_then_stops_a_call():
    ana, path = STANDING.principals["ana"], STANDING.paths["soc-triage"]
    for text, early in (("principal:ana", True), ("!principal:bo", True), ("!model:strong", False), ("tier:0", False)):
        assert (frozen(parse_selection(text)).frozen_early(ana, path, "") is not None) is early, text


def test_of_several_freezes_the_widest_is_told_and_each_alone_stops():
    texts = ["grant:ana-triage", "principal:ana", "path:soc-triage", "organization:northwind", "all"]
    made = tuple(
        Freeze(id=f"{number}", selector=parse_selection(text), by="ops", reason="r", at=START)
        for number, text in enumerate(texts)
    )
    facts = call_facts(STANDING.principals["ana"], STANDING.paths["soc-triage"], "ana-triage")
    for count in range(1, len(made) + 1):
        standing = replace(STANDING, freezes=Freezes(made[:count]))
        assert standing.cut_by(facts, "").id == made[count - 1].id


WRONG = """
ana principal principal: all: all:x team:x :x Path:x !all ! a&b path:x& path:x&path:x path:x&!path:x all&path:x
tier:10 tier:+ tier:a nationality:FR nationality:fra jurisdiction:x-short path:x_y key: model:* !!path:x path:x&&path:y
"""


@pytest.mark.parametrize("text", ["", "path:x y", *WRONG.split()])
def test_what_is_no_selector_is_refused_with_what_was_expected(text):
    with pytest.raises(InvalidInputError, match=r"expected|stands|not all") as caught:
        parse_selection(text)
    assert caught.value.code == "selector-invalid"


def test_a_single_selector_has_no_terms_and_bars_nothing():
    for text in ("!principal:ana", "principal:ana&path:x"):
        with pytest.raises(InvalidInputError):
            parse_selector(text)


def test_the_limits_of_a_selection():
    terms = [f"principal:p{number}" for number in range(selectors.TERMS_MAX)]
    assert len(parse_selection("&".join(terms)).terms) == selectors.TERMS_MAX
    with pytest.raises(InvalidInputError):
        parse_selection("&".join([*terms, "path:x"]))
    names = ["a" * 121, "b" * 121, "c" * 121, "d" * 122]
    text = "&".join(f"model:{name}" for name in names)
    assert len(text) == selectors.SELECTOR_LENGTH_MAX
    parse_selection(text)
    with pytest.raises(InvalidInputError, match=str(selectors.SELECTOR_LENGTH_MAX)):
        parse_selection(text + "d")


TERMS = st.one_of(
    st.builds(
        Selector,
        st.sampled_from([SelectorKind.PATH, SelectorKind.GRANT, SelectorKind.PURPOSE, SelectorKind.MODEL]),
        st.from_regex(r"[A-Za-z0-9][A-Za-z0-9-]{0,20}", fullmatch=True),
        st.booleans(),
    ),
    st.builds(Selector, st.just(SelectorKind.TIER), st.from_regex(r"[0-9]\+?", fullmatch=True), st.booleans()),
    st.builds(
        Selector,
        st.sampled_from([SelectorKind.NATIONALITY, SelectorKind.JURISDICTION]),
        st.from_regex(r"[a-z]{2}", fullmatch=True),
        st.booleans(),
    ),
)


@given(st.lists(TERMS, min_size=1, max_size=selectors.TERMS_MAX, unique_by=lambda term: term.mark), st.randoms())
def test_every_selection_has_one_spelling(terms, random):
    random.shuffle(terms)
    read = parse_selection("&".join(map(str, terms)))
    assert set(read.terms) == set(terms)
    assert parse_selection(str(read)) == read


@pytest.mark.parametrize("kind", [kind for kind in SelectorKind if kind is not SelectorKind.ALL])
def test_freezing_what_is_not_there_is_told(kind):
    name = {"tier": "9", "nationality": "zz", "jurisdiction": "zz"}.get(kind, "typo")
    for text in (f"{kind}:{name}", f"path:soc-triage&!{kind}:{name}"):
        with pytest.raises(AbsentError) as caught:
            check_selected(STATE, parse_selection(text))
        assert caught.value.code == "nothing-to-freeze"


@pytest.mark.parametrize(
    ("state", "told"), [(STATE, "there is "), (MemoryState(), "none is declared")], ids=["some", "none"]
)
def test_it_is_told_which_there_are_or_that_none_is(state, told):
    with pytest.raises(AbsentError) as caught:
        check_selected(state, parse_selection("purpose:typo"))
    assert caught.value.message.startswith(f"there is no purpose 'typo', so it would select nothing; {told}")


def test_a_tag_shows_no_place_and_is_the_same_for_the_same_place_alone():
    tags = {place_tag(TAG_SECRET, place) for place in ("fr", "ir", "us")}
    assert len(tags) == 3
    assert place_tag(TAG_SECRET, "fr") == FRANCE == "x-" + FRANCE[2:]
    assert place_tag(bytes(32), "fr") != FRANCE
    for secret, place in ((bytes(31), "fr"), (bytes(33), "fr"), (TAG_SECRET, "FR"), (TAG_SECRET, FRANCE)):
        with pytest.raises(InvalidInputError):
            place_tag(secret, place)
