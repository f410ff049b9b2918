"""One flipped bit anywhere - in the database, beside it, in an export, in a mirror - is found and its entry named."""
# ruff: noqa: S608 - table and column names are this test's own

import random
import sqlite3
from pathlib import Path

import pytest

from safeconduct.adapters.files import file_name
from safeconduct.adapters.folder import read_folder
from safeconduct.adapters.mirror import pull
from safeconduct.adapters.sqlite.control import copied_store
from safeconduct.kernel.errors import SafeconductError
from safeconduct.ledger.audit import audit, noted_checkpoints
from safeconduct.ledger.checkpoints import SignedCheckpoint
from safeconduct.ledger.export import export_files, verify_files
from safeconduct.ledger.rebuild import check_sealed, check_state, check_store
from safeconduct.ledger.trust import Trust
from support.logs import CALLS, OTHER, PROJECTIONS, Rig, add, cosigner, signer
from support.scratch import in_memory

SMALL = 7
LARGE = 300


def build(rig, count):
    """Fills a log; every third entry has sealed fields, and the first half is under a cosigned checkpoint."""
    for n in range(count):
        if n == count // 2:
            cosign(rig)
        sealed = {"request": f"prompt {n}", "answer": ["text", n]} if n % 3 == 0 else None
        rig.writer.submit(add(f"k{n}", sealed=sealed, n=n))
    rig.run(add("other", OTHER))
    cosign(rig)


def cosign(rig):
    rig.run(lambda tx: tx.now)
    signed = rig.reader.checkpoint(CALLS)
    note = signed.note.with_signatures([cosigner().cosign(signed.note.text, 1_795_248_000)])
    rig.writer.keep_cosigned(SignedCheckpoint(signed.checkpoint, note), cosigner().verifier)


@pytest.fixture(scope="module")
def installation():
    with in_memory() as folder, Rig(folder) as rig:
        build(rig, SMALL)
        yield rig, folder


def flips(length, most=8):
    """Returns positions spread over a value, each with the bit to flip there; the bits differ."""
    step = max(1, length // most)
    return [(at, 1 << at % 8) for at in range((length - 1) % step, length, step)]


def each_byte(length):
    """Returns every position of a value, each with one bit that is drawn."""
    drawn = random.Random(length)  # noqa: S311 - it is to be the same each time
    return [(at, 1 << drawn.randrange(8)) for at in range(length)]


def each_bit(length):
    return [(at, 1 << bit) for at in range(length) for bit in range(8)]


class Damage:
    """Flips one bit of one stored value over a connection of its own, and back."""

    def __init__(self, folder):
        self.connection = sqlite3.connect(folder / "safeconduct.db", isolation_level=None)
        self.connection.text_factory = bytes
        self.connection.execute("PRAGMA synchronous = OFF")  # what is tried here need not outlive anything

    def values(self, table, column, where):
        key = "rowid" if table in {"payloads", "tiles", "cosigned", "checkpoints", "logs"} else None
        keys = {"entries": "log, idx", "records": "collection, key"}.get(table, key)
        return self.connection.execute(f"SELECT {column}, {keys} FROM {table} {where}").fetchall()

    def write(self, table, column, names, value, kind):
        columns = {"entries": ["log", "idx"], "records": ["collection", "key"]}.get(table, ["rowid"])
        condition = " AND ".join(f"{name} = {'CAST(? AS TEXT)' if table == 'records' else '?'}" for name in columns)
        slot = f"CAST(? AS {kind})"
        self.connection.execute(f"UPDATE {table} SET {column} = {slot} WHERE {condition}", (value, *names))


def findings(rig):
    with rig.store.frozen() as frozen:
        return logs_findings(frozen, rig.heads) + check_state(frozen, frozen, PROJECTIONS)


def of(table, names):
    """Returns the logs that a row may concern."""
    return [(CALLS, OTHER)[names[0] - 1]] if table == "checkpoints" else [CALLS, OTHER]


def logs_findings(source, heads, origins=(CALLS, OTHER)):
    """Audits logs under the head that counts: its other copies are test_in_a_head's."""
    return [
        one for origin in origins for one in audit(source, origin, signer(origin).verifier, heads.copies(origin)[:1])
    ]


COLUMNS = [
    ("entries", "leaf", "BLOB"),
    ("entries", "id", "TEXT"),
    ("tiles", "hashes", "BLOB"),
    ("checkpoints", "note", "TEXT"),
    ("cosigned", "note", "TEXT"),
    ("cosigned", "witness", "TEXT"),
    ("payloads", "blob", "BLOB"),
    ("payloads", "entry_id", "TEXT"),
    ("payloads", "field", "TEXT"),
    ("records", "value", "BLOB"),
    ("records", "key", "TEXT"),
    ("records", "collection", "TEXT"),
    ("logs", "origin", "TEXT"),
]


@pytest.mark.parametrize(("table", "column", "kind"), COLUMNS, ids=[f"{t}.{c}" for t, c, _k in COLUMNS])
def test_in_the_database(installation, table, column, kind):
    rig, folder = installation
    assert findings(rig) == []
    damage = Damage(folder)
    entries = {entry.index: entry.id for entry in rig.store.entries(CALLS)}
    rows = damage.values(table, column, "")
    assert rows
    tried = 0
    for value, *names in rows:
        for at, bit in (each_bit if table in {"tiles", "checkpoints"} else each_byte)(len(value)):
            changed = bytearray(value)
            changed[at] ^= bit
            try:
                damage.write(table, column, names, bytes(changed), kind)
            except sqlite3.IntegrityError:
                continue  # the place is taken, so that no flip can lead there
            found = (
                findings(rig)
                if table in {"records", "entries"}
                else logs_findings(rig.store, rig.heads, of(table, names))
            )
            here = names if column not in {"key", "collection"} else moved(names, column, bytes(changed))
            damage.write(table, column, here, value, kind)
            assert found, (table, column, names, at, bit)
            if table == "entries" and names[0] == 1:
                assert (found[0].place, found[0].index) == ("entries", names[1])
                assert column == "id" or found[0].entry_id == entries[names[1]]
            if table == "tiles" and names[0] == 1:
                assert (found[0].place, found[0].index, found[0].entry_id) == ("tiles", at // 32, entries[at // 32])
            if table == "payloads":
                assert found[0].place == "payloads"
                assert entries[found[0].index] == found[0].entry_id
            tried += 1
    assert tried > 10
    assert findings(rig) == []
    damage.connection.close()


def moved(names, column, changed):
    return [changed, names[1]] if column == "collection" else [names[0], changed]


@pytest.mark.parametrize(
    ("table", "column"),
    [
        ("entries", "idx"),
        ("entries", "log"),
        ("tiles", "level"),
        ("tiles", "number"),
        ("tiles", "log"),
        ("cosigned", "size"),
        ("checkpoints", "log"),
        ("logs", "number"),
    ],
)
def test_in_the_database_s_numbers(installation, table, column):
    rig, folder = installation
    connection = sqlite3.connect(folder / "safeconduct.db", isolation_level=None)
    key = {"entries": "id", "checkpoints": "note", "logs": "origin"}.get(table, "rowid")
    tried = 0
    for name, value in connection.execute(f"SELECT {key}, {column} FROM {table}").fetchall():
        for bit in (0, 1, 4, 30):
            try:
                connection.execute(f"UPDATE {table} SET {column} = ? WHERE {key} = ?", (value ^ 1 << bit, name))
            except sqlite3.IntegrityError:
                continue  # the place is taken, so that no flip can lead there
            found = findings(rig)
            connection.execute(f"UPDATE {table} SET {column} = ? WHERE {key} = ?", (value, name))
            assert found, (table, column, name, bit)
            tried += 1
    assert tried
    assert findings(rig) == []
    connection.close()


def test_in_a_head(installation):
    rig, folder = installation
    path, trust = folder / "heads" / file_name(CALLS), Trust(log=signer().verifier)
    whole = path.read_bytes()
    lines = whole.splitlines(keepends=True)
    assert len(lines) > 1
    last = len(whole) - len(lines[-1])  # the one that counts, bit for bit; those before it here and there
    with rig.store.frozen() as frozen:
        for at, bit in [*flips(last, most=60), *((last + at, bit) for at, bit in each_bit(len(lines[-1])))]:
            changed = bytearray(whole)
            changed[at] ^= bit
            path.write_bytes(changed)
            noted = noted_checkpoints(frozen, CALLS, trust, rig.heads.copies(CALLS))
            # A flip that makes a line's end cuts a head in two, and both parts are damaged.
            assert {place for place, head, _error in noted if head is None} == {"heads"}, (at, bit)
        assert any(finding.place == "heads" for finding in findings(rig))
    path.write_bytes(whole)
    assert findings(rig) == []


FLIPS_IN_FILE = 1000


def test_in_the_database_file(installation):
    """Bits of the file itself, drawn over all of it: what is not found changed nothing that anybody reads."""
    rig, folder = installation
    with sqlite3.connect(folder / "whole.db") as kept, sqlite3.connect(folder / "safeconduct.db") as connection:
        connection.backup(kept)
        kept.execute("PRAGMA journal_mode = DELETE")
    whole, copy = (folder / "whole.db").read_bytes(), folder / "copy.db"
    heads = {origin: rig.heads.copies(origin) for origin in (CALLS, OTHER)}
    (before, nothing), found = in_file(folder / "whole.db", heads), 0
    assert nothing == []
    for position in sorted(random.Random(FLIPS_IN_FILE).sample(range(len(whole)), FLIPS_IN_FILE)):  # noqa: S311
        changed = bytearray(whole)
        changed[position] ^= 1 << position % 8
        copy.write_bytes(changed)
        after, told = in_file(copy, heads)
        found += bool(told)
        assert told or after == before, position
    assert found > FLIPS_IN_FILE / 20


def in_file(path, heads):
    """Returns all that a database gives its readers, and what is found wrong with it."""
    try:
        with copied_store(path) as store:
            found = [one for origin in heads for one in audit(store, origin, signer(origin).verifier, heads[origin])]
            found += [*check_state(store, store, PROJECTIONS), *check_store(store)]
            entries = [(origin, one) for origin in store.origins() for one in store.entries(origin)]
            by_key = [(store.find(one.id), store.size(origin)) for origin, one in entries]
            blobs = [(entry, name, blob, store.blob(entry, name)) for entry, name, blob in store.blobs()]
            records = [store.raw(*name) for name in store.raw_all()]
            tiles = [
                (store.checkpoint(o), store.cosigned(o), [store.tile(o, *t) for t in store.tile_names(o)])
                for o in heads
            ]
            return (entries, by_key, blobs, records, tiles), [one.text for one in found]
    except SafeconductError as error:
        return None, [error.message]


def test_in_a_wrapped_data_key(installation):
    rig, folder = installation
    connection = sqlite3.connect(folder / "keys.db", isolation_level=None)
    ((key,),) = connection.execute("SELECT wrapped FROM data_keys").fetchall()
    for at, bit in flips(len(key)):
        changed = bytearray(key)
        changed[at] ^= bit
        connection.execute("UPDATE data_keys SET wrapped = ?", (bytes(changed),))
        rig.keys._known.clear()
        found = check_sealed(rig.reader, rig.store, CALLS)
        assert [finding.index for finding in found] == [0, 3, 6]
    connection.execute("UPDATE data_keys SET wrapped = ?", (key,))
    rig.keys._known.clear()
    assert check_sealed(rig.reader, rig.store, CALLS) == []
    connection.close()


def test_in_every_tile_of_a_larger_log(tmp_path):
    with Rig(tmp_path) as rig:
        build(rig, LARGE)
        assert findings(rig) == []
        ids = [entry.id for entry in rig.store.entries(CALLS)]
        damage = Damage(tmp_path)
        for hashes, row in damage.values("tiles", "hashes", "WHERE log = 1"):
            level, number = tile_name(damage, row)
            for at, bit in flips(len(hashes)):
                changed = bytearray(hashes)
                changed[at] ^= bit
                damage.write("tiles", "hashes", [row], bytes(changed), "BLOB")
                found = findings(rig)
                first = (number * 256 + at // 32) << 8 * level
                assert [(one.place, one.index, one.entry_id) for one in found] == [("tiles", first, ids[first])]
            damage.write("tiles", "hashes", [row], hashes, "BLOB")
        for leaf, *names in damage.values("entries", "leaf", "WHERE log = 1 AND idx % 37 = 0"):
            changed = bytearray(leaf)
            changed[len(leaf) // 2] ^= 1
            damage.write("entries", "leaf", names, bytes(changed), "BLOB")
            found = [(one.place, one.index, one.entry_id) for one in findings(rig) if one.origin == CALLS]
            assert found[0] == ("entries", names[1], ids[names[1]])
            damage.write("entries", "leaf", names, leaf, "BLOB")
        assert findings(rig) == []
        damage.connection.close()


def tile_name(damage, row):
    ((level, number),) = damage.connection.execute("SELECT level, number FROM tiles WHERE rowid = ?", (row,))
    return level, number


def files_of(rig, *, payloads=True):
    return dict(export_files(rig.store, CALLS, signer(), payloads=payloads))


TRUST = Trust(log=signer().verifier, witnesses=(cosigner().verifier,))


def check(files, trust=TRUST):
    return verify_files(files.get, sorted(files), trust)


@pytest.mark.parametrize("known", [True, False], ids=["witness known", "witness unknown"])
@pytest.mark.parametrize("part", ["checkpoint", "tile/0", "tile/entries", "ids", "payload", "manifest"])
def test_in_an_export(installation, part, known):
    rig, _folder = installation
    files, trust = files_of(rig), TRUST if known else Trust(log=signer().verifier)
    good = check(files, trust)
    assert (good.findings, good.size) == ((), SMALL)
    assert good.cosigned_by == (("partner.example/witness",) if known else ())
    ids = [entry.id for entry in rig.store.entries(CALLS)]
    paths = [path for path in files if path.startswith(part)]
    assert paths
    for path in paths:
        for at, bit in flips(len(files[path]), most=60):
            changed = bytearray(files[path])
            changed[at] ^= bit
            found = check(files | {path: bytes(changed)}, trust).findings
            assert found, (path, at, bit)
            if part == "tile/entries":
                index = entry_at(files[path], at)
                assert (found[0].index, found[0].entry_id) == (index, ids[index]), (at, bit, found)
            if part == "tile/0":
                assert (found[0].index, found[0].entry_id) == (at // 32, ids[at // 32])
            if part == "payload":
                assert found[0].entry_id == path.split("/")[1]
                assert ids[found[0].index] == found[0].entry_id
            if part == "ids":
                assert found[0].index == at // 27


def entry_at(bundle, at):
    index = end = 0
    while True:
        end += 2 + int.from_bytes(bundle[end : end + 2])
        if at < end:
            return index
        index += 1


def test_a_file_added_or_removed_in_an_export(installation):
    rig, _folder = installation
    files = files_of(rig)
    for path in files:
        assert check({name: content for name, content in files.items() if name != path}).findings, path
    assert check(files | {"notes.txt": b"x"}).findings
    assert check(files | {"payload/x": b"x"}).findings


def test_an_export_of_another_log_or_by_another_key(installation):
    rig, _folder = installation
    files = files_of(rig)
    assert check(files, Trust(log=signer(OTHER).verifier)).findings
    assert check({}).findings
    other = dict(export_files(rig.store, OTHER, signer(OTHER), payloads=False))
    assert check(files | {"manifest": other["manifest"]}).findings
    assert check(files | {"checkpoint": other["checkpoint"]}).findings


def test_an_export_without_payloads_is_whole(installation):
    rig, _folder = installation
    files = files_of(rig, payloads=False)
    assert not any(path.startswith("payload") for path in files)
    assert check(files).findings == ()


def test_in_a_mirror(installation, tmp_path):
    rig, _folder = installation
    pull(files_of(rig).__getitem__, tmp_path, TRUST)
    read, paths = read_folder(tmp_path)
    assert verify_files(read, paths, TRUST).findings == ()
    for path in paths:
        whole = Path(tmp_path / path).read_bytes()
        for at, bit in flips(len(whole), most=60):
            changed = bytearray(whole)
            changed[at] ^= bit
            files = {name: read(name) for name in paths} | {path: bytes(changed)}
            found = check(files).findings
            assert found, (path, at, bit)
            if path.startswith("tile/entries"):
                assert found[0].index == entry_at(whole, at)
    assert check({name: read(name) for name in paths} | {"more": b""}).findings
