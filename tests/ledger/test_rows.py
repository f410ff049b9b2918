"""A row out of a SIEM: what the log has is told from what was changed, moved, stripped or made up."""

import json

import pytest

from safeconduct.bootstrap.forms import FORMS
from safeconduct.kernel.errors import AbsentError, InvalidInputError, UnavailableError
from safeconduct.ledger.export import export_files
from safeconduct.ledger.ocsf import ocsf_event, place_only, without_leaf
from safeconduct.ledger.rows import ROW_BYTES_MAX, check_row, read_row
from safeconduct.ledger.tiled import TiledLog
from safeconduct.ledger.trust import Trust
from support.logs import CALLS, Rig, signer


@pytest.fixture(scope="module")
def files():
    with Rig() as rig:
        rig.fill(300)
        return dict(export_files(rig.store, CALLS, signer(), payloads=False))


@pytest.fixture
def log(files):
    return TiledLog(files.get, Trust(log=signer().verifier))


def event_of(log, index=270):
    return json.loads(json.dumps(ocsf_event(log.proven(index), FORMS)))


def check(log, row):
    read = read_row(json.dumps(row).encode())
    return check_row(read, log.proven(read.index), FORMS)


WRAPPED = [
    lambda event: event,
    lambda event: {"time": 1, "source": "s", "event": event},
    lambda event: {"preview": False, "result": {"_raw": json.dumps(event), "_time": "t"}},
    lambda event: {"_index": "audit", "_id": "x", "_source": {"@timestamp": "t", **event}},
    lambda event: {"TimeGenerated": "t", "EntryId": "x", "Event": json.dumps(event)},
]


@pytest.mark.parametrize("wrap", WRAPPED)
def test_a_row_as_products_hand_it_out_is_what_the_log_has(log, wrap):
    found = check(log, wrap(event_of(log)))
    assert found.differs == ()
    assert (found.placed.index, found.placed.origin) == (270, CALLS)
    assert found.added in {(), ("@timestamp",)}


@pytest.mark.parametrize("shorten", [without_leaf, place_only])
def test_a_shortened_row_is_what_the_log_has(log, shorten):
    assert check(log, shorten(event_of(log))).differs == ()


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("time", 1),
        ("severity_id", True),
        ("metadata.uid", "01K9ZZZZZZZZZZZZZZZZZZZZZZ"),
        ("metadata.event_code", "gateway.call.refused/1"),
        ("metadata.added", "x"),
        ("raw_data", "{}"),
        ("raw_data_hash.value", "0" * 64),
        ("metadata.sequence", 269),
    ],
)
def test_a_changed_attribute_is_named(log, path, value):
    event = event_of(log)
    *parents, name = path.split(".")
    place = event
    for parent in parents:
        place = place[parent]
    place[name] = value
    assert check(log, event).differs


def test_an_attribute_that_was_taken_away_or_put_in_is_named(log):
    event = event_of(log)
    del event["category_uid"]
    event["actor"] = {"user": {"uid": "somebody else"}}
    event["_indextime"] = 1
    found = check(log, event)
    assert (found.differs, found.added) == (("category_uid", "actor"), ("_indextime",))


def test_a_place_beyond_the_log_is_told(log):
    event = event_of(log, 299)
    event["metadata"]["sequence"] = 300
    with pytest.raises(AbsentError, match="has 300 entries"):
        check(log, event)
    event["metadata"]["sequence"] = -1
    with pytest.raises(AbsentError):
        check(log, event)


@pytest.mark.parametrize(
    "text", [b"", b"[]", b"not json", b'{"class_uid":1,"metadata":{}}', b'{"class_uid":1,"metadata":{"sequence":true}}']
)
def test_what_is_no_row_is_refused(text):
    with pytest.raises(InvalidInputError) as refused:
        read_row(text)
    assert refused.value.code == "row-unreadable"


def test_a_row_is_read_up_to_its_limit(log):
    text = json.dumps(event_of(log)).encode()
    assert read_row(text + b" " * (ROW_BYTES_MAX - len(text))).index == 270
    with pytest.raises(InvalidInputError):
        read_row(text + b" " * (ROW_BYTES_MAX - len(text) + 1))


@pytest.mark.parametrize(
    ("path", "index"),
    [("tile/0/000", 0), ("tile/0/001.p/44", 298), ("tile/1/000.p/1", 299), ("tile/entries/001.p/44", 299)],
)
def test_a_log_whose_files_were_changed_proves_nothing(files, path, index):
    changed = files[path][:-1] + bytes([files[path][-1] ^ 1])
    for content in (changed, None, b""):
        with pytest.raises(UnavailableError) as told:
            TiledLog({**files, path: content}.get, Trust(log=signer().verifier)).proven(index)
        assert told.value.code == "log-damaged"
