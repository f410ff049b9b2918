"""What a log still shows once a data key is destroyed, and that nobody gets the value back by guessing."""

import hmac
import ipaddress
import re
import shutil

import msgspec
import pytest

from safeconduct.adapters.mirror import pull
from safeconduct.adapters.sqlite.control import SqliteStore
from safeconduct.kernel.canonical import canonical
from safeconduct.kernel.errors import AbsentError, SafeconductError
from safeconduct.ledger.audit import Excused, audit
from safeconduct.ledger.envelope import decode_leaf
from safeconduct.ledger.export import export_files, verify_files
from safeconduct.ledger.proofs import encode_proof, verify_proof
from safeconduct.ledger.reader import LogReader
from safeconduct.ledger.rebuild import check_sealed
from safeconduct.ledger.sealing import KeySelector
from safeconduct.ledger.trust import Trust
from support.disk_search import contents, opened_by_any_key
from support.logs import CALLS, Counting, Rig, add, signer, sqlite_keys

ADDRESSES = [str(address) for address in ipaddress.ip_network("192.0.0.0/16")]
NAMES = ["Ada", "Ana", "Emil", "Grace", "Hedy", "Klara", "Noor", "Radia", "Shafi", "Tim"]
SALT_BYTES = 32


@pytest.fixture
def rig(tmp_path):
    with Rig(tmp_path / "data") as made:
        made.fill(3)
        yield made


@pytest.fixture(autouse=True)
def _folder(tmp_path):
    (tmp_path / "data").mkdir()


def guessed(leaf, field, salts, values):
    """The attack: tries every value with every salt; returns the one that the leaf commits to."""
    committed = bytes.fromhex(leaf.sealed[field].commitment)
    messages = [(value, f"safeconduct/commitment/v1\n{field}\n".encode() + canonical(value)) for value in values]
    for salt in salts:
        for value, message in messages:
            if hmac.digest(salt, message, "sha256") == committed:
                return value
    return None


def salts_in(content):
    """Returns every 32 bytes in a row, and what is written there as hex."""
    found = {content[at : at + SALT_BYTES] for at in range(len(content) - SALT_BYTES + 1)}
    return found | {bytes.fromhex(text.decode()) for text in re.findall(rb"[0-9a-f]{64}", content)}


def opened_from_a_copy(folder, into, entry_id, field):
    """The other attack: a copy of the whole data folder, read with our own code."""
    shutil.copytree(folder, into)
    store, keys = SqliteStore(into / "safeconduct.db"), sqlite_keys(into, Counting("copy"))
    try:
        return LogReader(store, keys).open_field(entry_id, field)
    except SafeconductError:
        return None
    finally:
        store.close()
        keys.close()


def test_after_destruction_the_value_is_neither_opened_nor_guessed(rig, tmp_path):
    sealed = {"address": "192.0.113.7", "name": "Hedy"}
    entry = rig.run(add("victim", sealed=sealed)).value
    for field, value in sealed.items():  # today both ways lead in, which shows that these attacks are attacks
        opening = opened_from_a_copy(tmp_path / "data", tmp_path / f"before-{field}", entry.id, field)
        assert opening.value == value
        leaf = rig.reader.leaf(entry.id)
        assert guessed(leaf, field, [opening.salt], ADDRESSES + NAMES) == value
    rig.writer.destroy_keys(rig.keys.ids(KeySelector(origin=CALLS, subject="ana")))

    files = dict(export_files(rig.store, CALLS, signer(), payloads=True))
    pull(files.__getitem__, tmp_path / "mirror", Trust(log=signer().verifier))
    everything = b"\n".join([*contents(tmp_path / "data"), *files.values(), *contents(tmp_path / "mirror")])
    assert entry.id.encode() in everything
    for field, values in [("address", ADDRESSES), ("name", NAMES)]:
        blob, leaf = rig.store.blob(entry.id, field), rig.reader.leaf(entry.id)
        assert opened_from_a_copy(tmp_path / "data", tmp_path / f"after-{field}", entry.id, field) is None
        near = salts_in(blob) | {bytes(32), b""} if field == "address" else salts_in(everything)
        near |= {bytes.fromhex(leaf.sealed[field].blob), bytes.fromhex(leaf.sealed[field].commitment)}
        assert guessed(leaf, field, near, values) is None
        for content in [*contents(tmp_path / "data" / "kek"), (tmp_path / "data" / "keys.db").read_bytes()]:
            assert opened_by_any_key(blob, entry.id, field, content) is None


def test_proofs_and_audit_hold_after_destruction_and_the_rest_opens(rig):
    entry = rig.run(add("victim", sealed={"x": "secret"})).value
    (key_id,) = rig.keys.ids(KeySelector(origin=CALLS))
    rig.writer.destroy_keys([key_id])
    after = rig.run(add("later", sealed={"x": "other"})).value
    with pytest.raises(AbsentError) as caught:
        rig.reader.open_field(entry.id, "x")
    assert caught.value.code == "destroyed"
    assert rig.reader.open_field(after.id, "x").value == "other"
    trust = Trust(log=signer().verifier)
    proven = verify_proof(encode_proof(rig.reader.evidence(entry.id)).encode(), trust)
    assert proven.entry.body == {"key": "victim"}
    files = dict(export_files(rig.store, CALLS, signer(), payloads=True))
    assert verify_files(files.get, sorted(files), trust).findings == ()
    assert rig.audit() == []


def test_a_key_that_is_gone_without_an_entry_that_says_so_is_a_finding(rig):
    rig.run(add("victim", sealed={"x": "secret"}))
    rig.run(add("other", sealed={"x": "secret"}))
    (key_id,) = rig.keys.ids(KeySelector(origin=CALLS))
    assert check_sealed(rig.reader, rig.store, CALLS) == []
    rig.writer.destroy_keys([key_id])
    assert [finding.index for finding in check_sealed(rig.reader, rig.store, CALLS)] == [3, 4]
    assert check_sealed(rig.reader, rig.store, CALLS, Excused(keys={key_id})) == []
    assert check_sealed(rig.reader, rig.store, CALLS, Excused(keys={"00" * 16}))


def test_a_missing_blob_is_a_finding_unless_an_entry_excuses_it(rig):
    first = rig.run(add("one", sealed={"x": 1})).value
    second = rig.run(add("two", sealed={"x": 2})).value
    key_id = rig.reader.leaf(first.id).sealed["x"].key
    rig.store._only.execute("DELETE FROM payloads")

    def missing(excused):
        checked = audit(rig.store, CALLS, signer().verifier, excused=excused)
        sealed = check_sealed(rig.reader, rig.store, CALLS, excused)
        assert [finding.index for finding in checked] == [finding.index for finding in sealed]
        return [finding.index for finding in checked]

    assert missing(Excused()) == [3, 4]
    assert missing(Excused(lost={(second.id, "x")})) == [3]
    assert missing(Excused(lost={(second.id, "y")})) == [3, 4]
    assert missing(Excused(keys={key_id})) == []


def test_the_leaf_says_who_may_read_and_nothing_of_the_value(rig):
    entry = rig.run(add("victim", sealed={"x": "secret"})).value
    _origin, stored = rig.store.find(entry.id)
    said = msgspec.json.decode(stored.leaf)["sealed"]["x"]
    assert said["readers"] == ["partner"]
    assert decode_leaf(stored.leaf).sealed["x"].key == said["key"]
    assert b"secret" not in stored.leaf
