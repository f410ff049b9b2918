"""Tokens of a space, and texts with them in place of values: deterministic, told apart, and exactly undone."""

import base64
import hmac

import pytest
from hypothesis import given
from hypothesis import strategies as st

from safeconduct.access.data_handling import DataHandling
from safeconduct.boundary.model import Finding
from safeconduct.boundary.protecting import protect
from safeconduct.boundary.pseudonyms import Known, Pseudonyms
from safeconduct.boundary.tokens import TOKEN, identity, identity_of
from safeconduct.kernel.errors import RefusedError

KEY, OTHER_KEY = b"\x01" * 32, b"\x02" * 32
CLASSES = ("account", "host", "internal-address", "mail", "phone", "payment", "national-id", "badge")
RULES = dict.fromkeys(CLASSES, DataHandling.PSEUDONYMIZE) | {
    "indicator": DataHandling.ALLOW,
    "secret": DataHandling.REDACT,
}


def pseudonyms(key=KEY, known=None, **options):
    return Pseudonyms(lambda: key, known or Known(), **options)


def found(text, value, data_class, *more):
    start = text.index(value)
    rest = found(text, *more) if more else []
    return [Finding(kind="k", data_class=data_class, start=start, end=start + len(value)), *rest]


def undone(text, used):
    return TOKEN.sub(lambda one: used.get(one[0], one[0]), text)


def test_a_token_follows_from_key_class_and_value():
    one = pseudonyms().of("host", "ws01")
    assert TOKEN.fullmatch(one)
    assert one == pseudonyms().of("host", "ws01")
    others = {
        pseudonyms().of("account", "ws01"),
        pseudonyms().of("host", "ws02"),
        pseudonyms(OTHER_KEY).of("host", "ws01"),
    }
    assert one not in others
    assert len(others) == 3


@given(st.binary(min_size=32, max_size=32), st.text(st.characters(codec="utf-8"), max_size=20))
def test_an_identity_is_base32_of_the_keyed_digest_as_releases_before_made_it(key, value):
    made = hmac.digest(key, f"safeconduct/pseudonym/v1\0value\0HOST\0{value}\x000".encode(), "sha256")
    assert identity(key, "HOST", value, 0) == f"HOST_{base64.b32encode(made[:5]).decode().lower()}"


@pytest.mark.parametrize(
    ("data_class", "one", "same", "other"),
    [
        ("host", "WS01.corp", "ws01.corp.", "ws02.corp"),
        ("account", "CORP\\Ana", "corp\\ana", "corp\\anb"),
        ("internal-address", "FD00::0001", "fd00::1", "fd00::2"),
        ("mail", "Ana@x.org", "ana@x.org", "ana@y.org"),
        ("phone", "+49 151 234", "+49151234", "+49151235"),
    ],
)
def test_spellings_of_one_value_share_their_identity_and_are_told_apart(data_class, one, same, other):
    space = pseudonyms()
    tokens = [space.of(data_class, value) for value in (one, same, other)]
    assert identity_of(tokens[0]) == identity_of(tokens[1]) != identity_of(tokens[2])
    assert len(set(tokens)) == 3
    assert [space.used[token] for token in tokens] == [one, same, other]


def test_an_unknown_class_is_told_apart_by_its_very_spelling():
    space = pseudonyms()
    assert identity_of(space.of("badge", "A1")) != identity_of(space.of("badge", "a1"))
    assert space.of("badge", "A1").startswith("DATA_")


def test_subnets_show_only_if_asked():
    shown, hidden = pseudonyms(keep_subnets=True), pseudonyms()
    near, near2, wider, far = "10.1.2.3", "10.1.2.9", "10.1.7.3", "10.9.2.3"
    tokens = {one: shown.of("internal-address", one) for one in (near, near2, wider, far)}
    assert tokens[near][:8] == tokens[near2][:8] != tokens[wider][:8]
    assert tokens[near][:6] == tokens[wider][:6] != tokens[far][:6]
    assert len(set(tokens.values())) == 4
    assert hidden.of("internal-address", near)[:6] != hidden.of("internal-address", near2)[:6]


def test_a_token_that_another_value_has_is_made_again_and_alike_in_every_process():
    first = pseudonyms().of("host", "ws01")
    known = Known()
    known.learn({first: "somebody-else"})
    again = pseudonyms(known=known).of("host", "ws01")
    assert identity_of(again) != identity_of(first)
    assert again == pseudonyms(known=known).of("host", "ws01")
    assert [known.fits(first, value) for value in ("ws01", "somebody-else")] == [False, True]
    assert not known.fits(pseudonyms().of("host", "WS01"), "WS01")


def test_what_the_vault_is_known_to_hold_need_not_be_kept():
    first = pseudonyms()
    token = first.of("host", "ws01")
    assert first.unkept == {token: "ws01"}
    known = Known()
    known.learn(first.unkept)
    second = pseudonyms(known=known)
    assert (second.of("host", "ws01"), second.unkept) == (token, {})


def test_each_class_is_handled_as_its_rule_says():
    text = "ana logged on to ws01 from 203.0.113.9 with hunter2"
    findings = found(text, "ana", "account", "ws01", "host", "203.0.113.9", "indicator", "hunter2", "secret")
    space = pseudonyms()
    done = protect(text, findings, RULES, space, restored=True)
    ana, ws01 = space.of("account", "ana"), space.of("host", "ws01")
    assert done.text == f"{ana} logged on to {ws01} from 203.0.113.9 with [redacted:secret]"
    assert "hunter2" not in space.used.values()
    assert done.counts == {
        ("account", DataHandling.PSEUDONYMIZE): 1,
        ("host", DataHandling.PSEUDONYMIZE): 1,
        ("indicator", DataHandling.ALLOW): 1,
        ("secret", DataHandling.REDACT): 1,
    }


@pytest.mark.parametrize(("data_class", "code"), [("mail", "data-class-refused"), ("badge", "data-class-unhandled")])
def test_a_class_that_is_refused_or_unknown_refuses_the_text_and_never_shows_the_value(data_class, code):
    with pytest.raises(RefusedError, match=data_class) as caught:
        protect("ana", found("ana", "ana", data_class), {"mail": DataHandling.REFUSE}, pseudonyms(), restored=False)
    assert caught.value.code == code
    assert "ana" not in caught.value.message


@pytest.mark.parametrize("values", [("ana", "mail", "bo", "badge"), ("ana", "badge", "bo", "mail")])
def test_of_several_classes_that_may_not_go_the_one_that_stands_first_is_told(values):
    with pytest.raises(RefusedError, match=values[1]):
        protect("ana bo", found("ana bo", *values), {"mail": DataHandling.REFUSE}, pseudonyms(), restored=False)


def test_a_value_within_a_word_takes_the_word_along_so_that_its_token_stands_alone():
    text = "backup_ws01_old and ws01-x"
    space = pseudonyms()
    done = protect(text, found(text, "ws01", "host"), RULES, space, restored=False)
    assert done.text == f"{space.of('host', 'backup_ws01_old')} and ws01-x"


def test_stretches_that_overlap_are_handled_as_the_strictest():
    text = "key=ana:hunter2 ok"
    findings = found(text, "ana:hunter2", "account", "hunter2", "secret")
    assert protect(text, findings, RULES, pseudonyms(), restored=False).text == "key=[redacted:secret] ok"


def test_a_text_that_looks_like_a_token_comes_back_as_itself_where_answers_are_restored():
    own = pseudonyms().of("host", "ws01")
    text = f"{own} is ws01, x{own} is not"
    space = pseudonyms()
    done = protect(
        text, [Finding(kind="k", data_class="host", start=len(own) + 4, end=len(own) + 8)], RULES, space, restored=True
    )
    assert done.text.startswith("TEXT_")
    assert undone(done.text, space.used) == text
    assert protect(text, [], RULES, pseudonyms(), restored=False).text == text


_WORDS = st.sampled_from(
    ["ws01", "WS01", "ana", "_", " ", "HOST_", "USER_abcdefghaa", "é", "\\", "10.0.0.1", '"', "b2"]
)


@given(st.lists(_WORDS | st.text(max_size=4), max_size=12), st.data())
def test_the_way_back_is_exact_whatever_was_found(pieces, data):
    text = "".join(pieces)
    spans = st.tuples(st.integers(0, len(text)), st.integers(1, 6), st.sampled_from([*CLASSES, "indicator"]))
    findings = [
        Finding(kind="k", data_class=data_class, start=start, end=min(len(text), start + length))
        for start, length, data_class in data.draw(st.lists(spans, max_size=5))
        if start < len(text)
    ]
    space = pseudonyms(keep_subnets=True)
    done = protect(text, findings, RULES, space, restored=True)
    assert undone(done.text, space.used) == text
