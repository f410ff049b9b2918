"""The envelope, pinned: these bytes are what old logs hold."""

import hashlib
import hmac

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from safeconduct.kernel.canonical import canonical
from safeconduct.kernel.entries import Draft, Reader, Retention
from safeconduct.kernel.errors import InvalidInputError, UnavailableError
from safeconduct.kernel.ids import EntryId
from safeconduct.ledger.envelope import (
    SEALED_BYTES_MAX,
    Opening,
    check_opening,
    decode_leaf,
    read_entry,
    seal,
    unseal,
)
from safeconduct.ledger.sealing import DataKey
from support.leaves import encode_leaf
from support.logs import CALLS, START, Counting

ID = EntryId("01KAK00000000000000000000A")
KEY = bytes(range(32))
MADE = DataKey("0a" * 16, KEY, frozenset({Reader.PROVIDER, Reader.PARTNER}))
DRAFT = Draft(
    type="gateway.call.intended/1",
    body={"principal": "ana", "bytes": 1024, "targets": ["192.0.2.10"], "ok": True, "none": None},
    sealed={"request": {"messages": [{"role": "user", "content": "héllo"}]}},
    subject="ana",
    retention=Retention.CALL,
    act={"actor": "ana"},
)
PLAIN = (
    b'{"act":{"actor":"ana"},"at":"2026-11-21T08:00:00.000000Z","body":{"bytes":1024,"none":null,"ok":true,'
    b'"principal":"ana","targets":["192.0.2.10"]},"id":"01KAK00000000000000000000A","retention":"call",'
    b'"type":"gateway.call.intended/1","v":1}'
)


def test_golden_leaf_without_sealed_fields():
    assert encode_leaf(DRAFT, ID, START) == PLAIN


def test_golden_leaf_and_blob_with_a_sealed_field():
    sealed = seal(DRAFT, ID, {"request": MADE}, Counting())
    leaf = encode_leaf(DRAFT, ID, START, sealed)
    salt, nonce = hashlib.shake_128(b"1").digest(32), hashlib.shake_128(b"2").digest(12)
    value = '{"messages":[{"content":"héllo","role":"user"}]}'.encode()
    commitment = hmac.digest(salt, b"safeconduct/commitment/v1\nrequest\n" + value, "sha256").hex()
    blob = sealed.blobs["request"]
    assert blob[:12] == nonce
    assert len(blob) == 12 + 32 + len(value) + 16
    assert hashlib.sha256(blob).hexdigest() == "f5f3f9487486b66e5242c4789e2c25934f9697e2bca1c21d6be0b4f4475637ee"
    assert hashlib.sha256(leaf).hexdigest() == "eaa567f65586b2c91de222b9605c698d9613da6fd1718c3c5242d2aa1a907526"
    decoded = decode_leaf(leaf)
    said = msgspec.json.decode(leaf)["sealed"]
    assert said == {
        "request": {
            "blob": hashlib.sha256(blob).hexdigest(),
            "commitment": commitment,
            "key": "0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a",
            "readers": ["partner", "provider"],
        }
    }
    assert decoded.sealed["request"].readers == (Reader.PARTNER, Reader.PROVIDER)
    assert decoded.subject == "ana"


plain = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


@given(st.dictionaries(st.text(), plain, max_size=5))
def test_a_leaf_is_canonical(body):
    try:
        leaf = encode_leaf(Draft(type="t/1", body=body), ID, START)
    except InvalidInputError:
        with pytest.raises(InvalidInputError):
            canonical(body)
    else:
        assert leaf == canonical(msgspec.json.decode(leaf))
        assert msgspec.json.decode(leaf)["body"] == body


def test_an_entry_reads_back():
    entry = read_entry(encode_leaf(DRAFT, ID, START), CALLS, 7)
    assert (entry.id, entry.origin, entry.index, entry.at) == (ID, CALLS, 7, START)
    assert (entry.type, entry.body, entry.act) == (DRAFT.type, DRAFT.body, DRAFT.act)


def test_the_leaf_limit_at_its_edge_and_one_beyond():
    empty = len(encode_leaf(Draft(type="t/1", body={"x": ""}), ID, START))
    fits = Draft(type="t/1", body={"x": "a" * (65_535 - empty)})
    assert len(encode_leaf(fits, ID, START)) == 65_535
    over = Draft(type="t/1", body={"x": "a" * (65_536 - empty)})
    with pytest.raises(InvalidInputError, match="at most 65535 bytes, this t/1 has 65536") as caught:
        encode_leaf(over, ID, START)
    assert caught.value.code == "entry-too-large"


@pytest.mark.parametrize("name", ["", "Request", "a b", "../x", "a/b", "1a", "a" * 65])
def test_a_field_s_name_is_a_plain_word(name):
    with pytest.raises(InvalidInputError, match="sealed field is named"):
        seal(Draft(type="t/1", body={}, sealed={name: 1}), ID, {name: MADE}, Counting())


def test_the_sealed_limit_at_its_edge_and_one_beyond():
    fits = Draft(type="t/1", body={}, sealed={"x": "a" * (SEALED_BYTES_MAX - 2)})
    assert seal(fits, ID, {"x": MADE}, Counting()).blobs
    over = Draft(type="t/1", body={}, sealed={"x": "a" * (SEALED_BYTES_MAX - 1)})
    with pytest.raises(InvalidInputError, match="x has 8388609"):
        seal(over, ID, {"x": MADE}, Counting())


def sealed_leaf(value, key=KEY):
    draft = Draft(type="t/1", body={}, sealed={"x": value}, subject="s")
    sealed = seal(draft, ID, {"x": DataKey("0b" * 16, key, MADE.readers)}, Counting())
    return decode_leaf(encode_leaf(draft, ID, START, sealed)), sealed.blobs["x"]


@given(st.recursive(st.none() | st.booleans() | st.integers(-9, 9) | st.text("aé"), st.lists, max_leaves=5))
def test_what_was_sealed_opens(value):
    leaf, blob = sealed_leaf(value)
    opening = unseal(leaf, "x", blob, KEY)
    assert opening.value == value
    check_opening(leaf, opening)


def test_a_blob_opens_only_under_its_key_for_its_entry_and_field():
    leaf, blob = sealed_leaf("secret")
    other_entry = decode_leaf(
        encode_leaf(Draft(type="t/1", body={}), EntryId("01KAK00000000000000000000B"), START),
    )
    for at in range(len(blob)):
        damaged = blob[:at] + bytes([blob[at] ^ 1]) + blob[at + 1 :]
        with pytest.raises(UnavailableError, match="does not open"):
            unseal(leaf, "x", damaged, KEY)
    for bad_leaf, name, bad_blob, key in [
        (leaf, "x", blob, bytes(32)),
        (leaf, "y", blob, KEY),
        (other_entry, "x", blob, KEY),
        (leaf, "x", b"", KEY),
        (leaf, "x", blob[:20], KEY),
    ]:
        with pytest.raises(UnavailableError, match="does not open"):
            unseal(bad_leaf, name, bad_blob, key)


def test_an_opening_shows_one_value_only():
    leaf, blob = sealed_leaf({"a": 1})
    opening = unseal(leaf, "x", blob, KEY)
    for forged in [
        Opening(entry_id=ID, field="x", salt=opening.salt, value={"a": 2}),
        Opening(entry_id=ID, field="x", salt=bytes(32), value={"a": 1}),
        Opening(entry_id=ID, field="y", salt=opening.salt, value={"a": 1}),
        Opening(entry_id=EntryId("01KAK00000000000000000000B"), field="x", salt=opening.salt, value={"a": 1}),
    ]:
        with pytest.raises(UnavailableError, match="does not commit"):
            check_opening(leaf, forged)


@pytest.mark.parametrize(
    "leaf",
    [
        b"",
        b"{}",
        b"\xff",
        PLAIN.replace(b'"v":1', b'"v":2'),
        PLAIN.replace(b'"v":1', b'"v":1,"w":1'),
        PLAIN.replace(b"2026-11-21T08", b"2026-11-21 at 8"),
        PLAIN.replace(b'"call"', b'"forever"'),
    ],
)
def test_a_leaf_that_can_t_be_read_is_damage_not_an_entry(leaf):
    with pytest.raises(UnavailableError) as caught:
        read_entry(leaf, CALLS, 0)
    assert caught.value.code == "entry-unreadable"


@given(st.binary(max_size=100))
def test_any_bytes_are_a_leaf_or_an_error(leaf):
    with pytest.raises(UnavailableError):
        decode_leaf(leaf)
