"""What is restored, what is not and how that is counted; and that no way of cutting a text changes either."""

import json
import re
from functools import partial

import pytest
from hypothesis import given
from hypothesis import strategies as st

from safeconduct.boundary.restoring import (
    TOKEN_CHARACTERS_MAX,
    WORD_CHARACTERS_MAX,
    Restorable,
    Restorer,
    Tally,
)
from support.costs import least_cpu_s
from support.restored import Restored, restore

HOST, USER = "HOST_abcdefghij", "USER_zy7wvu2tsr"
KNOWN = Restorable(
    originals={HOST: "web-01.corp.example", USER: "CORP\\alice", "HOST_abcdefgh2i": "db\n01"},
    elsewhere={"HOST_2222222222"},
)


def restored(text: str, **counts: int) -> Restored:
    return Restored(text, Tally(**counts))


@pytest.mark.parametrize(
    "around", ["{}", "on {}.", "`{}`", "({})", "{}/admin", "C:\\{}", "{}'s", "主机{}是", "⚠\ufe0f{}", "\u200b{}"]
)
def test_a_token_that_stands_by_itself_is_restored(around):
    assert restore(around.format(HOST), KNOWN) == restored(around.format("web-01.corp.example"), restored=1)


@pytest.mark.parametrize(
    "changed",
    [
        "host_abcdefghij",
        "HOST_Abcdefghij",
        "HOST_abcdefghi",  # cut
        "HOST_abcd",
        "OST_abcdefghij",
        "abcdefghij",
        "HOST_abcdefghijk",  # extended
        "HOST_abcdefghij2",
        "xHOST_abcdefghij",
        "HOST_abcdefghij_1",
        "HOST-abcdefghij",  # punctuation
        "HOST\\_abcdefghij",
        "HOST_abcde.fg-hij",
        "HOST_abcd\u200befgh",
        "\u041dOST_abcdefghij",  # the first letter is Cyrillic
        "HOST_\u0430bcdefghij",
        "\uff28\uff2f\uff33\uff34_abcdefghij",
        "HOST_abcdéfghij",
        "HOST_abcdefghia",  # another spelling
        "USER_abcdefghij",  # another kind
    ],
)
def test_what_a_model_changed_is_never_restored(changed):
    assert restore(f"on {changed} now", KNOWN) == restored(f"on {changed} now", altered=1)


def test_each_piece_of_a_split_token_counts():
    assert restore("HOST_abcdefgh_ ij", KNOWN).tally == Tally(altered=1)
    assert restore("HOST_abcd efghij", KNOWN).tally == Tally(altered=2)


@pytest.mark.parametrize("plain", ["HOST", "HOST_", "HOST_a", "USER_NAME", "the host abcde", "sha256:" + "ab12" * 16])
def test_words_that_share_little_with_a_token_are_words(plain):
    assert restore(plain, KNOWN) == restored(plain)


def test_forged_and_foreign_tokens_are_told_apart_by_what_the_organization_made():
    assert restore("HOST_7777777777", KNOWN) == restored("HOST_7777777777", forged=1)
    assert restore("HOST_2222222222", KNOWN) == restored("HOST_2222222222", foreign=1)
    assert restore("HOST_2222222222", Restorable(originals={})) == restored("HOST_2222222222", forged=1)
    assert restore("HOST_11111111 HOST_7777777 HOST_77777777777", KNOWN) == restored(
        "HOST_11111111 HOST_7777777 HOST_77777777777"
    )


def test_a_restored_value_is_not_read_again():
    known = Restorable(originals={HOST: USER, USER: HOST})
    assert restore(f"{HOST} {USER}", known).text == f"{USER} {HOST}"


def test_in_json_what_is_put_in_is_escaped_and_spellings_are_read():
    text = json.dumps({"user": USER, "lines": f"a\n{HOST}", "db": "HOST_abcdefgh2i", "path": "C:\\u0048OST_abcdefghij"})
    found = restore(text.replace('"USER', '"\\u0055SER'), KNOWN, as_json=True)
    assert json.loads(found.text) == {
        "user": "CORP\\alice",
        "lines": "a\nweb-01.corp.example",
        "db": "db\n01",
        "path": "C:\\u0048OST_abcdefghij",  # a backslash and letters, no escape
    }
    assert found.tally == Tally(restored=3, altered=1)


def test_no_more_is_held_back_than_the_longest_token():
    longest = "PHONE_abcdefghij"
    restorer = Restorer(Restorable(originals={longest: "x"}))
    assert restorer.feed(longest[:-1]) == ""
    assert restorer.feed(longest[-1]) == ""  # as long as a token can be
    assert len(longest) == TOKEN_CHARACTERS_MAX
    assert restorer.feed("k") == f"{longest}k"
    assert not restorer.holds


@pytest.mark.parametrize(("before", "altered"), [(WORD_CHARACTERS_MAX - 6, 1), (WORD_CHARACTERS_MAX - 5, 0)])
def test_a_word_is_looked_at_up_to_its_limit(before, altered):
    word = "x" * before + "abcdef"
    assert restore(word, KNOWN).tally == Tally(altered=altered)


PIECES = st.lists(
    st.one_of(
        st.sampled_from(
            [HOST, USER, HOST[:7], HOST[7:], "HOST_2222222222", "HOST_7777777777", "\\u0048", "\\", "\\\\", "_"]
        ),
        st.sampled_from(
            ["\\n", "\\u00", "xx", "\u041dOST_abcdefghij", " ", '"', "{", "\u200b", "主", "\U0001d434", "\n"]
        ),
        st.text(max_size=4),
    ),
    max_size=12,
).map("".join)


@given(text=PIECES, cuts=st.lists(st.integers(0, 80), max_size=20), as_json=st.booleans())
def test_every_way_of_cutting_gives_what_the_whole_text_gives(text, cuts, as_json):
    restorer, out, at = Restorer(KNOWN, as_json=as_json), "", 0
    for cut in [*sorted(min(cut, len(text)) for cut in cuts), len(text)]:
        out += restorer.feed(text[at:cut])
        at = cut
    out += restorer.rest()
    assert Restored(out, restorer.tally) == restore(text, KNOWN, as_json=as_json)


@given(text=PIECES)
def test_a_text_without_a_token_of_the_incident_comes_out_as_it_went_in(text):
    without = re.sub(f"{HOST}|{USER}", "-", text)
    assert restore(without, KNOWN).text == without
    assert json.loads(f'"{restore(json.dumps(without), KNOWN, as_json=True).text[1:-1]}"') == without


def test_time_grows_with_the_text_and_not_faster():
    for hostile in ("HOST_", "\\", "\\u00", "_", HOST):
        small, large = (least_cpu_s(partial(restore, hostile * n, KNOWN, as_json=True)) for n in (4_000, 32_000))
        assert large < 40 * max(small, 0.002)
