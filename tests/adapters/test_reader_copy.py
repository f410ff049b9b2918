"""Each party opens its own fields from its own copy, and none of the other's, with everything on its disk."""

import base64
import shutil
from dataclasses import replace

import pytest

from safeconduct.adapters.files import write_secret
from safeconduct.adapters.mirror import pull
from safeconduct.adapters.reader_copy import ReaderCopy
from safeconduct.kernel.entries import Reader, Retention
from safeconduct.kernel.errors import AbsentError, RefusedError, UnavailableError
from safeconduct.ledger.copies import decode_records, encode_records
from safeconduct.ledger.export import export_files
from safeconduct.ledger.rebuild import check_sealed
from safeconduct.ledger.sealing import HOUSE_ONLY, KeySelector, Readership
from safeconduct.ledger.trust import Trust
from safeconduct.ledger.wrapping import ReaderSecret
from support.disk_search import contents, found, opened_by_any_key
from support.logs import CALLS, Counting, Rig, add, signer

PROVIDER = ReaderSecret(b"\x01" * 31 + b"\x05")
AUDITOR = ReaderSecret(b"\x02" * 31 + b"\x06")
KEYS = {Reader.PROVIDER: PROVIDER.public.text, Reader.AUDITOR: AUDITOR.public.text}
FIELDS = {
    "ours": {Reader.PARTNER},
    "theirs": {Reader.PROVIDER},
    "shared": {Reader.PARTNER, Reader.PROVIDER},
    "audited": {Reader.PARTNER, Reader.AUDITOR},
}
TRUST = Trust(log=signer().verifier)


def readership(readers):
    return Readership(
        readers=frozenset(readers),
        house=Reader.PARTNER in readers,
        wrap_for={reader: KEYS[reader] for reader in readers if reader in KEYS},
        days={Retention.CALL: 30},
    )


def matrix(_records, _origin, _type, name):
    return readership(FIELDS[name]) if name in FIELDS else HOUSE_ONLY


class House:
    """What the house gives one reader, in place of HTTP: its wrapped keys in pages, and any blob it asks for."""

    page = 2

    def __init__(self, rig, reader):
        self.rig, self.reader = rig, reader
        self.withheld = set()

    def wrapped(self, after):
        records = list(self.rig.keys.wrapped(self.reader, after))[: self.page]
        return decode_records(encode_records(records))

    def blob(self, entry_id, name):
        return None if (entry_id, name) in self.withheld else self.rig.store.blob(entry_id, name)


class Side:
    """A reader's own disk: mirror, copy, and the file with its secret."""

    def __init__(self, folder, reader=Reader.PROVIDER, secret=PROVIDER):
        self.folder, self.reader, self.secret = folder, reader, secret
        self.copy = ReaderCopy(folder / "copy", CALLS, reader, Counting(str(folder)))
        write_secret(folder / "key", secret.text + "\n")

    def update(self, rig, served=None):
        pull(dict(export_files(rig.store, CALLS, signer(), payloads=False)).__getitem__, self.folder / "mirror", TRUST)
        return self.copy.update(self.source, served or House(rig, self.reader), self.secret)

    @property
    def source(self):
        return self.copy.source(self.folder / "mirror", TRUST)

    def open(self, entry_id, name):
        return self.copy.opener(self.source).open_field(entry_id, name).value


@pytest.fixture
def rig(tmp_path):
    (tmp_path / "house").mkdir()
    with Rig(tmp_path / "house", matrix=matrix) as made:
        made.fill(2)
        yield made


@pytest.fixture
def side(tmp_path):
    made = Side(tmp_path / "provider")
    yield made
    made.copy.close()


SECRETS = {name: f"what only readers of {name} may know" for name in FIELDS}


def write(rig, key="k", fields=FIELDS):
    return rig.run(add(key, sealed={name: SECRETS[name] for name in fields})).value.id


def test_each_side_opens_its_own_fields_from_its_own_copy(rig, side):
    entry = write(rig)
    taken = side.update(rig)
    assert (taken.keys, taken.blobs, taken.missing) == (2, 2, ())
    for name in ("theirs", "shared"):
        assert side.open(entry, name) == SECRETS[name]
    for name in ("ours", "shared", "audited"):
        assert rig.reader.open_field(entry, name).value == SECRETS[name]
    assert check_sealed(side.copy.opener(side.source), side.source, CALLS) == []
    assert check_sealed(rig.reader, rig.store, CALLS) == []
    again = side.update(rig)
    assert (again.keys, again.blobs) == (0, 0)


def test_neither_party_opens_the_other_s_fields_with_everything_on_its_disk(rig, side, tmp_path):
    entry = write(rig)
    side.update(rig)
    with pytest.raises(RefusedError) as caught:
        side.open(entry, "ours")
    assert caught.value.code == "not-a-reader"
    with pytest.raises(RefusedError):
        rig.reader.open_field(entry, "theirs")
    house, provider = contents(tmp_path / "house"), contents(tmp_path / "provider")
    house += [base64.b64decode(text.partition(b":")[2]) for text in contents(tmp_path / "house" / "kek")]
    house += [rig.keys.get(key_id) or b"" for key_id in rig.keys.ids(KeySelector(origin=CALLS))]
    provider += [base64.b64decode(text.partition(b":")[2]) for text in contents(tmp_path / "provider" / "copy" / "kek")]
    provider += [side.copy.get(key_id) or b"" for key_id in side.copy.ids(KeySelector(origin=CALLS))]
    provider += [
        PROVIDER.unwrap(record.wrapped, CALLS, record.id, Reader.PROVIDER)
        for record in rig.keys.wrapped(Reader.PROVIDER)
    ]

    def opens(disk, name):
        blob = rig.store.blob(entry, name)
        return any(opened_by_any_key(blob, entry, name, content) is not None for content in disk)

    assert [name for name in FIELDS if opens(house, name)] == ["ours", "shared", "audited"]
    assert [name for name in FIELDS if opens(provider, name)] == ["theirs", "shared"]


def test_a_key_wrapped_for_one_reader_opens_for_no_other(rig):
    write(rig)
    for record in rig.keys.wrapped(Reader.PROVIDER):
        assert len(PROVIDER.unwrap(record.wrapped, CALLS, record.id, Reader.PROVIDER)) == 32
        for secret, origin, key_id, reader in [
            (AUDITOR, CALLS, record.id, Reader.PROVIDER),
            (PROVIDER, "another/log", record.id, Reader.PROVIDER),
            (PROVIDER, CALLS, "00" * 16, Reader.PROVIDER),
            (PROVIDER, CALLS, record.id, Reader.AUDITOR),
        ]:
            with pytest.raises(UnavailableError) as caught:
                secret.unwrap(record.wrapped, origin, key_id, reader)
            assert caught.value.code == "data-key-damaged"


def test_a_reader_s_copy_destroys_its_keys_with_no_byte_left_and_does_not_take_them_again(rig, side, tmp_path):
    entry, other = write(rig), write(rig, "other", ["shared"])
    side.update(rig)
    ids = sorted(side.copy.ids(KeySelector(origin=CALLS)))
    raw = [side.copy.get(key_id) for key_id in ids]
    wrapped = [row[0] for row in side.copy._connection.execute("SELECT wrapped FROM data_keys").fetchall()]
    secrets = [*raw, *wrapped, *(record.wrapped for record in rig.keys.wrapped(Reader.PROVIDER))]
    backup = tmp_path / "backup"
    shutil.copytree(side.folder / "copy", backup, ignore=shutil.ignore_patterns("kek"))
    side.copy.destroy(ids)
    assert found(side.folder, secrets) == []
    assert side.copy.ids(KeySelector(origin=CALLS)) == []
    for entry_id, name in [(entry, "theirs"), (entry, "shared"), (other, "shared")]:
        with pytest.raises(AbsentError) as caught:
            side.open(entry_id, name)
        assert caught.value.code == "destroyed"
    side.update(rig)  # the house has not destroyed its own yet
    assert side.copy.ids(KeySelector(origin=CALLS)) == []
    shutil.copytree(side.folder / "copy" / "kek", backup / "kek")
    with pytest.raises(UnavailableError) as caught:
        ReaderCopy(backup, CALLS, Reader.PROVIDER, Counting())
    assert caught.value.code == "wrapping-key-missing"


def test_what_the_keeper_gives_wrongly_is_not_taken(rig, side):
    write(rig)
    good = House(rig, Reader.PROVIDER)

    class Wrong(House):
        change = staticmethod(lambda records: records)
        changed = staticmethod(lambda blob: blob)

        def wrapped(self, after):
            return self.change(good.wrapped(after))

        def blob(self, entry_id, name):
            return self.changed(good.blob(entry_id, name))

    wrong = Wrong(rig, Reader.PROVIDER)
    for change, code in [
        (
            lambda records: [replace(record, wrapped=record.wrapped[:-1] + b"x") for record in records],
            "data-key-damaged",
        ),
        (lambda records: [replace(record, id="00" * 16) for record in records], "data-key-damaged"),
        (lambda _records: list(rig.keys.wrapped(Reader.AUDITOR)), "data-key-damaged"),
        (lambda records: records[::-1], "records-unreadable"),
        (lambda records: [replace(record, number=0) for record in records], "records-unreadable"),
    ]:
        wrong.change = change
        with pytest.raises(UnavailableError) as caught:
            side.update(rig, wrong)
        assert caught.value.code == code
        assert side.copy.ids(KeySelector(origin=CALLS)) == []
    wrong.change = lambda records: records
    wrong.changed = lambda blob: blob[:-1] + b"x"
    with pytest.raises(UnavailableError) as caught:
        side.update(rig, wrong)
    assert caught.value.code == "payload-damaged"
    assert not (side.folder / "copy" / "payload").exists()
    assert side.update(rig).blobs == 2


def test_a_blob_that_the_keeper_does_not_give_is_told_and_taken_later(rig, side):
    entry = write(rig)
    house = House(rig, Reader.PROVIDER)
    house.withheld = {(entry, "shared")}
    assert side.update(rig, house).missing == ((entry, "shared"),)
    with pytest.raises(AbsentError):
        side.open(entry, "shared")
    assert side.update(rig).blobs == 1
    assert side.open(entry, "shared") == SECRETS["shared"]


def test_a_damaged_mirror_is_no_ground_for_a_copy(rig, side):
    write(rig)
    side.update(rig)
    (bundle,) = (side.folder / "mirror" / "tile" / "entries").rglob("*.p/*")
    bundle.write_bytes(bundle.read_bytes().replace(b"provider", b"customer"))
    with pytest.raises(UnavailableError) as caught:
        _ = side.source
    assert caught.value.code == "mirror-damaged"


@pytest.mark.parametrize("body", [b"", b"{}", b"[{}]", b"\xff", b'[{"number":1}]'])
def test_what_is_no_list_of_wrapped_keys_is_told(body):
    with pytest.raises(UnavailableError) as caught:
        decode_records(body)
    assert caught.value.code == "records-unreadable"


def test_the_limit_of_wrapped_keys_in_an_answer_at_its_edge_and_one_beyond(rig):
    write(rig)
    record = next(rig.keys.wrapped(Reader.PROVIDER))
    assert len(decode_records(encode_records([record] * 1000))) == 1000
    with pytest.raises(UnavailableError, match="got 1001"):
        decode_records(encode_records([record] * 1001))
