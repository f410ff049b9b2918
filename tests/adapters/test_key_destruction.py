"""Destroying data keys on a disk: what an attacker finds afterwards, and what a fault at any step leaves."""

import shutil
import sqlite3

import pytest
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from safeconduct.adapters.sqlite.keys import SqliteKeys
from safeconduct.adapters.wrapping_keys import FileWrappingKeys
from safeconduct.kernel.entries import Reader, Retention
from safeconduct.kernel.errors import UnavailableError
from safeconduct.ledger.sealing import DataKeyName, KeySelector, Readership, house_bound, record_bound
from safeconduct.ledger.wrapping import ReaderSecret
from support.disk_search import found
from support.logs import CALLS, Counting, sqlite_keys

PROVIDER = ReaderSecret(b"\x01" * 32)
SHARED = Readership(
    readers=frozenset({Reader.PARTNER, Reader.PROVIDER}), house=True, wrap_for={Reader.PROVIDER: PROVIDER.public.text}
)
KEYS = 300  # enough for pages to split


def fill(keys, count=KEYS):
    made = [
        keys.make(DataKeyName(origin=CALLS, subject=f"s{n}", retention=Retention.CALL, readers=SHARED.readers), SHARED)
        for n in range(count)
    ]
    keys.commit()
    return made


def forms(folder, key_id):
    """Returns what keys.db holds of a key: wrapped for the house, and for the provider."""
    with sqlite3.connect(folder / "keys.db") as connection:
        rows = [
            *connection.execute("SELECT wrapped FROM data_keys WHERE id = ?", (key_id,)),
            *connection.execute("SELECT wrapped FROM reader_keys WHERE id = ?", (key_id,)),
        ]
    connection.close()
    return [row[0] for row in rows]


def wrapping_keys(folder):
    return [path.read_bytes().removeprefix(b"aes256-secret:") for path in sorted((folder / "kek").iterdir())]


def opened_by_force(backup, folder):
    """Tries every key that is on the disk on every row of an old keys.db; returns the data keys that open."""
    wrapping = FileWrappingKeys(folder / "kek", Counting())
    with sqlite3.connect(backup) as connection:
        rows = connection.execute("SELECT id, wrapped FROM data_keys").fetchall()
        records = connection.execute("SELECT id, wrapped, reader FROM reader_keys").fetchall()
    connection.close()
    tried = [(wrapping.find(one), wrapped, house_bound(key_id)) for one in wrapping.ids() for key_id, wrapped in rows]
    tried += [(wrapping.find(one), row[1], record_bound(row[0], row[2])) for one in wrapping.ids() for row in records]
    opened = [_unwrapped(*attempt) for attempt in tried] + [_provider_s(*row) for row in records]
    return [key for key in opened if key is not None]


def _unwrapped(wrapper, wrapped, bound):
    try:
        return wrapper.unwrap(wrapped, bound)
    except UnavailableError:
        return None


def _provider_s(key_id, wrapped, reader):
    """The other reader, who has its own secret, tries an old copy of the house's file."""
    try:
        return PROVIDER.unwrap(wrapped, CALLS, key_id, Reader(reader))
    except UnavailableError:
        return None


def test_no_byte_of_a_destroyed_key_is_in_any_file(tmp_path):
    keys = sqlite_keys(tmp_path, Counting())
    made = fill(keys)
    gone, stay = made[::3], [key for number, key in enumerate(made) if number % 3]
    raw = [key.key for key in gone]
    wrapped = [*wrapping_keys(tmp_path), *(form for key in gone for form in forms(tmp_path, key.id))]
    assert len(wrapped) == 1 + 2 * len(gone)
    assert found(tmp_path, wrapped) == wrapped
    assert found(tmp_path, raw) == []  # not even before
    keys.destroy([key.id for key in gone])
    assert found(tmp_path, [*raw, *wrapped]) == []
    assert [keys.get(key.id) for key in stay] == [key.key for key in stay]
    keys.close()
    again = sqlite_keys(tmp_path, Counting("again"))
    assert [again.get(key.id) for key in stay] == [key.key for key in stay]
    assert [again.get(key.id) for key in gone] == [None] * len(gone)
    again.close()


def test_a_backup_made_before_opens_nothing_afterwards(tmp_path):
    folder, backup = tmp_path / "data", tmp_path / "backup"
    folder.mkdir()
    keys = sqlite_keys(folder, Counting())
    made = fill(keys, 5)
    with sqlite3.connect(backup) as copy:
        keys._connection.backup(copy)
    copy.close()
    assert len(opened_by_force(backup, folder)) == 10  # today it opens, all of it: this is a way in
    keys.destroy([made[0].id])
    keys.close()
    assert opened_by_force(backup, folder) == []
    with pytest.raises(UnavailableError) as caught:
        SqliteKeys(backup, Counting(), FileWrappingKeys(folder / "kek", Counting()))
    assert caught.value.code == "wrapping-key-missing"
    again = sqlite_keys(folder, Counting())  # and that attempt did no harm
    assert [again.get(key.id) for key in made[1:]] == [key.key for key in made[1:]]
    again.close()


def test_the_keys_left_on_the_disk_are_not_the_destroyed_one(tmp_path):
    keys = sqlite_keys(tmp_path, Counting())
    (made,) = fill(keys, 1)
    blob = AESGCM(made.key).encrypt(bytes(12), b"secret", None)
    keys.destroy([made.id])
    everything = b"".join(path.read_bytes() for path in sorted(tmp_path.rglob("*")) if path.is_file())
    for at in range(len(everything) - 31):
        with pytest.raises(InvalidTag):
            AESGCM(everything[at : at + 32]).decrypt(bytes(12), blob, None)
    keys.close()


class Fault:
    """Lets the nth thing that touches the disk fail: not done, or done and reported as failed."""

    def __init__(self, at, applied):
        self.left, self.applied, self.fired = at, applied, False

    def __call__(self, action, error):
        self.left -= 1
        if self.left or self.fired:
            return action()
        self.fired = True
        if self.applied:
            action()
        raise error


class FaultyConnection:
    def __init__(self, connection, fault):
        self._connection, self._fault = connection, fault

    def __getattr__(self, name):
        return getattr(self._connection, name)

    def execute(self, *arguments):
        return self._fault(lambda: self._connection.execute(*arguments), sqlite3.OperationalError("disk I/O error"))

    def executemany(self, *arguments):
        return self._fault(lambda: self._connection.executemany(*arguments), sqlite3.OperationalError("disk full"))


class FaultyWrapping(FileWrappingKeys):
    fault = None

    def make(self):
        return self.fault(super().make, UnavailableError("no space left"))

    def destroy(self, key_id):
        return self.fault(lambda: super(FaultyWrapping, self).destroy(key_id), UnavailableError("read-only"))


def destroyed_with_a_fault(folder, at, *, applied):
    """Fills a folder, destroys half the keys with a fault at a step; returns the keys and whether there was one."""
    wrapping = FaultyWrapping(folder / "kek", Counting())
    wrapping.fault = Fault(0, applied=False)
    keys = SqliteKeys(folder / "keys.db", Counting(), wrapping)
    made = fill(keys, 6)
    secrets = [form for key in made[:3] for form in [key.key, *forms(folder, key.id)]] + wrapping_keys(folder)
    wrapping.fault = fault = Fault(at, applied)
    keys._tables.database.connection = FaultyConnection(keys._connection, fault)
    try:
        keys.destroy([key.id for key in made[:3]])
        raised = False
    except UnavailableError:
        raised = True
    assert raised == fault.fired
    keys._tables.database.connection = keys._connection
    return keys, made, secrets, fault.fired


def check_destroyed(folder, keys, made, secrets):
    assert [keys.get(key.id) for key in made[:3]] == [None] * 3
    assert [keys.get(key.id) for key in made[3:]] == [key.key for key in made[3:]]
    records = list(keys.wrapped(Reader.PROVIDER))
    assert [PROVIDER.unwrap(one.wrapped, CALLS, one.id, Reader.PROVIDER) for one in records] == [
        key.key for key in made[3:]
    ]
    assert found(folder, secrets) == []


@pytest.mark.parametrize("applied", [False, True], ids=["failed", "failed but applied"])
def test_a_fault_at_any_step_is_told_and_asking_again_ends_it(tmp_path, applied):
    for at in range(1, 100):
        folder = tmp_path / str(at)
        folder.mkdir()
        keys, made, secrets, fired = destroyed_with_a_fault(folder, at, applied=applied)
        keys.destroy([key.id for key in made[:3]])
        check_destroyed(folder, keys, made, secrets)
        keys.close()
        if not fired:
            break
    assert 15 < at < 99


@pytest.mark.parametrize("applied", [False, True], ids=["failed", "failed but applied"])
def test_a_crash_at_any_step_ends_in_all_of_it_or_nothing_at_the_next_start(tmp_path, applied):
    kept, done = 0, 0
    for at in range(1, 100):
        folder, image = tmp_path / f"{at}", tmp_path / f"{at}-image"
        folder.mkdir()
        keys, made, secrets, fired = destroyed_with_a_fault(folder, at, applied=applied)
        shutil.copytree(folder, image)  # what the crash leaves: nothing is closed, nothing tidied up
        keys.close()
        again = sqlite_keys(image, Counting("again"))
        if again.get(made[0].id) is None:
            check_destroyed(image, again, made, secrets)
            done += 1
        else:
            assert again.ids(KeySelector(origin=CALLS)) == [key.id for key in made]
            assert [again.get(key.id) for key in made] == [key.key for key in made]
            again.destroy([key.id for key in made[:3]])
            check_destroyed(image, again, made, secrets)
            kept += 1
        again.close()
        if not fired:
            break
    assert kept > 3
    assert done > 3


def test_destroying_waits_for_nobody_who_reads_the_file_and_says_so(tmp_path):
    keys = sqlite_keys(tmp_path, Counting())
    made = fill(keys, 3)
    with sqlite3.connect(tmp_path / "keys.db", isolation_level=None) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT * FROM data_keys").fetchall()
        keys._connection.execute("PRAGMA busy_timeout = 10")
        with pytest.raises(UnavailableError) as caught:
            keys.destroy([made[0].id])
        assert caught.value.code in {"keys-in-use", "store-failed"}
        assert len(wrapping_keys(tmp_path)) == 2  # the old one stays as long as a page under it may
        reader.execute("COMMIT")
    reader.close()
    keys.destroy([made[0].id])
    assert len(wrapping_keys(tmp_path)) == 1
    keys.close()
