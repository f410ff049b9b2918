"""Marks of texts: the same text has the same mark in its session alone, and so have those a reader takes for it."""

from hashlib import blake2b

from hypothesis import given
from hypothesis import strategies as st

from safeconduct.boundary.lookalikes import folded
from safeconduct.boundary.model import Block, Source, ToolCall
from safeconduct.gateway.label_marks import Marks

SECRET = b"s" * 32
ONE = Marks(SECRET, "meridian", "s1/a")
TEXTS = st.text(st.characters(codec="utf-8"), max_size=40) | st.text(
    "aB0 \t\n\x0b\x0c\r\x1c\x1d\x1e\x1f|1lO", max_size=20
)


def mark(said):
    """The mark by the letter of what label_marks promises: BLAKE2b of 8 bytes under the key of the first session."""
    secret = blake2b(SECRET, person=b"labels").digest()
    key = blake2b(b"meridian\0s1", key=secret).digest()
    return blake2b(said.encode(), key=key, digest_size=8).hexdigest()


@given(TEXTS)
def test_a_mark_is_the_keyed_digest_of_what_was_said(text):
    block = Block(pointer="", source=Source.USER, text=text)
    assert ONE.text(block) == mark(text)
    if text.isascii():
        assert ONE.folded(text) == mark("\0" + "".join(folded(text).split()))


def test_marks_remembered_by_releases_before_are_still_these():
    call = ToolCall(id="c1", name="fetch", arguments={"b": 1, "a": "x"})
    assert ONE.call(call) == mark('\1["c1","fetch",{"a":"x","b":1}]')
    assert ONE.folded("Ignore  ALL\tof it") == mark("\0ignoreallofit")
    assert ONE.folded("Ignоre all of it") == ONE.folded("ignore all of it")  # noqa: RUF001 - a Cyrillic letter


def test_no_mark_is_another_sessions_or_organizations():
    block = Block(pointer="", source=Source.USER, text="hello")
    others = [Marks(SECRET, "meridian", "s2"), Marks(SECRET, "other", "s1"), Marks(b"t" * 32, "meridian", "s1")]
    assert all(one.text(block) != ONE.text(block) for one in others)
    assert Marks(SECRET, "meridian", "s1/b").text(block) == ONE.text(block)
    assert len({*ONE.tags, *Marks(SECRET, "other", "s1/a").tags}) == 4
