"""What every `DataKeys` and `WrappingKeys` promises, held against memory and disk alike."""

import sqlite3

import pytest

from safeconduct.adapters.key_rotation import ROWS_A_PART, finishing
from safeconduct.adapters.memory.keys import MemoryKeys, MemoryWrappingKeys
from safeconduct.adapters.postgres.keys import PostgresKeys
from safeconduct.adapters.wrapping_keys import FileWrappingKeys
from safeconduct.kernel.entries import Draft, Reader, Retention
from safeconduct.kernel.errors import InvalidInputError, UnavailableError
from safeconduct.ledger.sealing import HOUSE_ONLY, DataKeyName, KeySelector, Readership
from safeconduct.ledger.wrapping import ReaderSecret
from support.logs import CALLS, OTHER, START, Counting, sqlite_keys

PROVIDER = ReaderSecret(b"\x01" * 32)
AUDITOR = ReaderSecret(b"\x02" * 32)
SHARED = Readership(
    readers=frozenset({Reader.PARTNER, Reader.PROVIDER, Reader.AUDITOR}),
    house=True,
    wrap_for={Reader.PROVIDER: PROVIDER.public.text, Reader.AUDITOR: AUDITOR.public.text},
)
THEIRS = Readership(readers=frozenset({Reader.PROVIDER}), house=False, wrap_for={Reader.PROVIDER: PROVIDER.public.text})


@pytest.fixture(params=["memory", "sqlite", "postgres"])
def keys(request, tmp_path):
    if request.param == "memory":
        yield MemoryKeys(Counting())
        return
    if request.param == "sqlite":
        made = sqlite_keys(tmp_path, Counting())
    else:
        made = postgres_keys(request.getfixturevalue("database"), tmp_path)
    yield made
    made.close()


def postgres_keys(url, folder, seed=""):
    return PostgresKeys(url, Counting(seed), FileWrappingKeys(folder / "kek", Counting(seed)))


def name(subject="ana", *, origin=CALLS, retention=Retention.CALL, readership=HOUSE_ONLY, day=""):
    return DataKeyName(origin=origin, subject=subject, retention=retention, readers=readership.readers, day=day)


def make(keys, readership=HOUSE_ONLY, **parts):
    return keys.make(name(**parts, readership=readership), readership)


def test_a_data_key_is_made_once_for_each_name(keys):
    assert keys.get("00" * 16) is None
    made = [
        make(keys),
        make(keys, subject="bo"),
        make(keys, origin=OTHER),
        make(keys, retention=Retention.CONTROL),
        make(keys, day="2026-11-21"),
        make(keys, day="2026-11-22"),
        make(keys, SHARED),
    ]
    assert len({key.id for key in made}) == len({key.key for key in made}) == len(made)
    assert {len(key.key) for key in made} == {32}
    assert all(len(bytes.fromhex(key.id)) == 16 for key in made)
    keys.commit()
    assert [make(keys), make(keys, SHARED)] == [made[0], made[-1]]
    assert [keys.get(key.id) for key in made] == [key.key for key in made]
    keys.commit()


def test_another_public_key_of_a_reader_asks_for_another_data_key(keys):
    moved = Readership(readers=SHARED.readers, house=True, wrap_for={Reader.PROVIDER: AUDITOR.public.text})
    first, second = make(keys, SHARED), make(keys, moved)
    keys.commit()
    assert first.id != second.id
    assert (make(keys, SHARED), make(keys, moved)) == (first, second)


def test_a_key_for_others_is_not_the_house_s_to_open(keys):
    made = make(keys, THEIRS)
    assert keys.get(made.id) is None
    assert make(keys, THEIRS) == made
    keys.commit()
    assert keys.get(made.id) is None


def test_what_nobody_could_open_is_not_sealed(keys):
    with pytest.raises(InvalidInputError, match="none of them has a public key") as caught:
        make(keys, Readership(readers=frozenset({Reader.PROVIDER}), house=False))
    assert caught.value.code == "reader-without-key"


@pytest.mark.parametrize("public", ["x25519:" + "A" * 43 + "=", "x25519:", "ed25519:" + "A" * 43 + "="])
def test_a_public_key_that_is_none_fails_where_the_key_is_made_and_not_the_commit_of_others(keys, public):
    good = make(keys)
    bad = Readership(readers=SHARED.readers, house=True, wrap_for={Reader.PROVIDER: public})
    with pytest.raises(InvalidInputError):
        make(keys, bad)
    keys.commit()
    assert keys.get(good.id) == good.key
    assert keys.ids(KeySelector(origin=CALLS)) == [good.id]


def test_readers_get_the_keys_that_were_wrapped_for_them_once_committed(keys):
    made = [make(keys, SHARED, subject=f"s{n}", day="2026-11-21") for n in range(3)]
    theirs, own = make(keys, THEIRS), make(keys)
    assert list(keys.wrapped(Reader.PROVIDER)) == []
    keys.commit()
    records = list(keys.wrapped(Reader.PROVIDER))
    assert [record.id for record in records] == [key.id for key in [*made, theirs]]
    for record, key in zip(records, [*made, theirs], strict=True):
        assert PROVIDER.unwrap(record.wrapped, CALLS, record.id, Reader.PROVIDER) == key.key
    assert (records[0].origin, records[0].retention, records[0].day) == (CALLS, Retention.CALL, "2026-11-21")
    assert [one.id for one in keys.wrapped(Reader.AUDITOR)] == [key.id for key in made]
    assert list(keys.wrapped(Reader.PROVIDER, records[1].number)) == records[2:]
    assert list(keys.wrapped(Reader.CUSTOMER)) == []
    assert own.id not in {record.id for record in records}


def test_many_wrapped_keys_come_in_order(keys):
    made = [make(keys, THEIRS, subject=f"s{n}") for n in range(600)]
    keys.commit()
    assert [one.id for one in keys.wrapped(Reader.PROVIDER)] == [key.id for key in made]


def test_keys_are_selected_by_every_part_that_is_given(keys):
    old = make(keys, day="2026-11-19")
    young = make(keys, day="2026-11-20")
    endless = make(keys)
    other = make(keys, subject="bo", retention=Retention.CONTROL, day="2026-11-01")
    make(keys, origin=OTHER)
    keys.commit()

    def ids(**parts):
        return set(keys.ids(KeySelector(origin=CALLS, **parts)))

    assert ids() == {old.id, young.id, endless.id, other.id}
    assert ids(subject="ana") == {old.id, young.id, endless.id}
    assert ids(before="2026-11-20") == {old.id, other.id}
    assert ids(retention=Retention.CALL, before="2026-11-21") == {old.id, young.id}
    assert ids(subject="nobody") == set()


def test_a_destroyed_key_is_gone_for_all_its_readers_and_the_others_stay(keys):
    gone, stays = make(keys, SHARED), make(keys, SHARED, subject="bo")
    keys.commit()
    keys.destroy([gone.id, "ff" * 16])
    assert (keys.get(gone.id), keys.get(stays.id)) == (None, stays.key)
    (record,) = keys.wrapped(Reader.PROVIDER)
    assert record.id == stays.id
    assert PROVIDER.unwrap(record.wrapped, CALLS, stays.id, Reader.PROVIDER) == stays.key
    assert keys.ids(KeySelector(origin=CALLS)) == [stays.id]
    after = make(keys, SHARED)
    assert after.id != gone.id
    keys.destroy([gone.id])
    keys.commit()
    assert keys.get(after.id) == after.key


def test_a_key_that_is_destroyed_before_it_was_committed_is_never_stored(keys):
    made = make(keys, SHARED)
    keys.destroy([made.id])
    keys.commit()
    assert keys.get(made.id) is None
    assert list(keys.wrapped(Reader.PROVIDER)) == []


def test_a_number_is_never_given_to_another_record(keys):
    first = make(keys, THEIRS)
    keys.commit()
    (record,) = keys.wrapped(Reader.PROVIDER)
    keys.destroy([first.id])
    make(keys, THEIRS)
    keys.commit()
    (later,) = keys.wrapped(Reader.PROVIDER, record.number)
    assert later.number > record.number


def test_data_keys_outlive_the_process_once_committed_and_are_their_owner_s(tmp_path):
    one = sqlite_keys(tmp_path, Counting("one"))
    kept, shared, theirs = make(one), make(one, SHARED), make(one, THEIRS)
    one.commit()
    lost = make(one, subject="lost")
    one.close()
    two = sqlite_keys(tmp_path, Counting("two"))
    assert (two.get(kept.id), two.get(lost.id)) == (kept.key, None)
    assert (make(two), make(two, SHARED)) == (kept, shared)
    assert make(two, THEIRS).id != theirs.id  # nobody here can open the former one any more
    for path in [tmp_path / "keys.db", *(tmp_path / "kek").iterdir()]:
        assert path.stat().st_mode & 0o777 == 0o600
    two.close()


def test_several_processes_find_each_other_s_keys_in_one_database(tmp_path, postgres, database):
    one, two = postgres_keys(database, tmp_path, "one"), postgres_keys(database, tmp_path, "two")
    made = make(one, SHARED)
    one.commit()
    assert (two.get(made.id), make(two, SHARED)) == (made.key, made)
    postgres.cut(database)
    assert one.ids(KeySelector(origin=CALLS)) == [made.id]
    two.close()
    one.destroy([made.id])
    again = postgres_keys(database, tmp_path, "again")
    assert again.get(made.id) is None
    for kept in (one, again):
        kept.close()


def test_the_raw_keys_of_the_first_schema_go(tmp_path):
    with sqlite3.connect(tmp_path / "keys.db") as old:
        old.execute("CREATE TABLE data_keys (origin TEXT, subject TEXT, retention TEXT, key BLOB)")
        old.execute("INSERT INTO data_keys VALUES ('o', 's', 'call', ?)", (b"\x07" * 32,))
        old.execute("PRAGMA user_version = 1")
    old.close()
    keys = sqlite_keys(tmp_path, Counting())
    keys.close()
    assert b"\x07" * 32 not in b"".join(path.read_bytes() for path in tmp_path.glob("keys.db*"))


@pytest.fixture(params=["memory", "files"])
def wrapping(request, tmp_path):
    return MemoryWrappingKeys(Counting()) if request.param == "memory" else FileWrappingKeys(tmp_path, Counting())


def test_a_key_encryption_key_opens_what_it_wrapped_and_nothing_else(wrapping):
    one, other = wrapping.make(), wrapping.make()
    assert wrapping.ids() == sorted([one.id, other.id])
    wrapped = one.wrap(b"k" * 32, b"bound")
    assert b"k" * 8 not in wrapped
    assert wrapping.find(one.id).unwrap(wrapped, b"bound") == b"k" * 32
    for wrapper, what, bound in [(other, wrapped, b"bound"), (one, wrapped, b"else"), (one, b"", b"bound")]:
        with pytest.raises(UnavailableError) as caught:
            wrapper.unwrap(what, bound)
        assert caught.value.code == "data-key-damaged"


def test_a_destroyed_key_encryption_key_is_not_there(wrapping):
    one, other = wrapping.make(), wrapping.make()
    for _again in range(2):
        wrapping.destroy(one.id)
    assert wrapping.ids() == [other.id]
    with pytest.raises(UnavailableError) as caught:
        wrapping.find(one.id)
    assert caught.value.code == "wrapping-key-missing"


@pytest.mark.parametrize("text", ["", "aes256-secret:", "aes256-secret:AAAA", "A" * 44, "aes256-secret:!"])
def test_a_damaged_key_encryption_key_is_told(tmp_path, text):
    wrapping = FileWrappingKeys(tmp_path, Counting())
    (tmp_path / "0a").write_text(text)
    with pytest.raises(UnavailableError) as caught:
        wrapping.find("0a")
    assert caught.value.code == "wrapping-key-damaged"


def test_a_key_s_name_has_a_day_only_where_its_class_is_limited_in_days():
    draft = Draft(type="t/1", body={}, subject="ana", retention=Retention.CALL)
    limited = Readership(readers=SHARED.readers, house=True, days={Retention.CALL: 30})
    assert limited.key_name(CALLS, draft, START) == name(readership=SHARED, day="2026-11-21")
    assert SHARED.key_name(CALLS, draft, START) == name(readership=SHARED)


def test_a_retired_key_is_nobody_s_any_more_and_is_then_destroyed(keys):
    gone, stays = make(keys, SHARED), make(keys, SHARED, subject="bo")
    keys.commit()
    keys.retire([gone.id])
    assert keys.get(gone.id) is None
    assert keys.ids(KeySelector(origin=CALLS)) == [stays.id]
    assert make(keys, SHARED).id != gone.id
    keys.commit()
    keys.destroy([gone.id])
    assert keys.get(stays.id) == stays.key
    assert len(list(keys.wrapped(Reader.PROVIDER))) == 2


def test_others_use_the_keys_while_many_are_wrapped_again(tmp_path):
    keys = sqlite_keys(tmp_path, Counting())
    made = [make(keys, subject=f"s{number}") for number in range(3 * ROWS_A_PART)]
    keys.commit()
    later, parts = [], 0

    def another():
        later.append(make(keys, subject=f"later{len(later)}"))
        keys.commit()
        keys.retire([made[len(later)].id])

    keys.retire([made[0].id])
    for _part in finishing(keys._tables):
        parts += 1
        if parts in {1, 4}:
            another()
    assert parts > 4
    assert [keys.get(key.id) for key in later] == [key.key for key in later]
    assert [keys.get(key.id) for key in made[:3]] == [None] * 3
    assert [keys.get(key.id) for key in made[3:]] == [key.key for key in made[3:]]
    assert len(list((tmp_path / "kek").iterdir())) == 1
    keys.close()
