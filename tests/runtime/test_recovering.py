"""A log that is behind its head, damaged or gone becomes again what was signed, and nothing else."""
# ruff: noqa: S608 - the statements are this test's own

import shutil
import sqlite3
from contextlib import closing

import pytest

from safeconduct.adapters.files import FileHeads, file_name
from safeconduct.adapters.sqlite.control import SqliteStore
from safeconduct.kernel.errors import SafeconductError, UnavailableError
from safeconduct.ledger.checkpoints import SignedCheckpoint, parse_checkpoint
from safeconduct.ledger.rebuild import check_sealed
from safeconduct.ledger.recovery_events import LOG_RECOVERED
from support.logs import CALLS, OTHER, Rig, add, cosigner
from support.recovering import carried_out, exported, mirror_at, mirrored, plans_of, recovered

SEALED = {"request": "secret"}


@pytest.fixture
def house(tmp_path):
    """An installation whose calls' log the partner mirrors, closed: 300 entries, some with sealed fields."""
    live = tmp_path / "live"
    live.mkdir()
    with Rig(live) as rig:
        rig.run(add("first", sealed=SEALED))
        rig.run(add("other", OTHER, sealed=SEALED))
        rig.fill(298)
    shutil.copytree(live, tmp_path / "early")
    with Rig(live) as rig:
        rig.run(add("last", sealed=SEALED, n=-1))
        mirrored(rig, tmp_path / "mirror")
        mirrored(rig, tmp_path / "other", OTHER)
        exported(rig, tmp_path / "export")
    return tmp_path


def damage(folder, *statements):
    with sqlite3.connect(folder / "safeconduct.db") as connection:
        for statement in statements:
            assert connection.execute(statement).rowcount > 0, statement
    connection.close()


def entries(folder, origin=CALLS):
    with Rig(folder) as rig:
        assert rig.findings == []
        assert rig.audit() == []
        assert check_sealed(rig.reader, rig.store, origin) == []
        return [(one.id, one.leaf) for one in rig.store.entries(origin)]


def told(folder, origin=CALLS):
    """Returns what the log's last entry tells of its recovery."""
    with Rig(folder) as rig:
        *_rest, last = rig.reader.entries(origin)
        return LOG_RECOVERED.read(last)


def content(folder):
    """Returns all that is stored."""
    with sqlite3.connect(folder / "safeconduct.db") as connection:
        connection.text_factory = lambda raw: raw.decode(errors="replace")
        stored = list(connection.iterdump())
    connection.close()
    return stored, {path: path.read_bytes() for path in (folder / "heads").iterdir()}


def refused(folder, **mirrors):
    """Returns why the recovery is refused, which leaves all as it was."""
    with closing(SqliteStore(folder / "safeconduct.db")):
        before = content(folder)
    with pytest.raises(SafeconductError) as caught:
        recovered(folder, **mirrors)
    assert content(folder) == before
    return caught.value.code


def test_a_restored_backup_is_brought_up_from_the_mirror(house):
    live = house / "live"
    before = entries(live)
    shutil.copy(house / "early" / "safeconduct.db", live / "safeconduct.db")
    assert refused(live) == "recovery-needs-mirror"
    recovered(live, calls=house / "mirror")
    after = entries(live)
    assert after[:-1] == before
    said = told(live)
    assert (said.from_size, said.to_size, said.taken) == (299, 300, 1)
    assert parse_checkpoint(said.mirror).checkpoint.size == 300
    assert {"entries", "checkpoints", "tiles"} <= set(said.places)
    assert [(lost.entry, lost.field) for lost in said.lost] == [(before[-1][0], "request")]
    assert recovered(live, calls=house / "mirror") == {}
    with Rig(live) as rig:
        assert rig.run(add("more")).receipts[0].index == 301


def test_sealed_fields_come_back_where_the_partner_has_them(house):
    live = house / "live"
    shutil.copy(house / "early" / "safeconduct.db", live / "safeconduct.db")
    recovered(live, calls=house / "export")
    assert told(live).lost == ()
    with Rig(live) as rig:
        last = list(rig.store.entries(CALLS))[299]
        assert rig.reader.open_field(last.id, "request").value == "secret"


def test_a_database_that_is_gone_takes_every_log_s_mirror(house):
    live = house / "live"
    before = entries(live), entries(live, OTHER)
    for path in live.glob("safeconduct.db*"):
        path.unlink()
    assert refused(live, calls=house / "export") == "recovery-needs-mirror"
    recovered(live, calls=house / "export", other=house / "other")
    assert (entries(live)[:-1], entries(live, OTHER)[:-1]) == before
    assert len(told(live, OTHER).lost) == 1
    assert told(live).lost == ()


FIRST = "WHERE log = 1 AND idx = 5"
CHANGED = """leaf = CAST(replace(leaf, '"n":4', '"n":7') AS BLOB)"""


@pytest.mark.parametrize(
    ("statement", "places", "alone"),
    [
        (f"UPDATE entries SET {CHANGED} {FIRST}", "entries", False),
        (f"UPDATE entries SET leaf = x'00' {FIRST}", "entries", False),
        (f"DELETE FROM entries {FIRST}", "entries", False),
        ("DELETE FROM entries WHERE log = 1", "entries", False),
        (f"UPDATE entries SET idx = 7000000 {FIRST}", "entries", False),
        (f"UPDATE entries SET idx = -5 {FIRST}", "entries", False),
        (f"UPDATE entries SET log = 9 {FIRST}", "entries", False),
        ("UPDATE logs SET origin = 'example.com/nobody' WHERE number = 1", "entries", False),
        (f"UPDATE entries SET id = 'x' || id {FIRST}", "entries", True),
        ("INSERT INTO entries SELECT 1, 300, '01KAK00000000000000000000A', x'00' FROM logs LIMIT 1", "entries", True),
        ("UPDATE tiles SET hashes = zeroblob(length(hashes)) WHERE log = 1", "tiles", True),
        ("DELETE FROM tiles WHERE log = 1", "tiles", True),
        ("INSERT INTO tiles SELECT 1, 3, 0, hashes FROM tiles LIMIT 1", "tiles", True),
        ("UPDATE checkpoints SET note = replace(note, '300', '301') WHERE log = 1", "checkpoints", True),
        ("DELETE FROM checkpoints WHERE log = 1", "checkpoints", True),
        ("UPDATE payloads SET blob = x'00'", "payloads", False),
        ("DELETE FROM payloads", "payloads", False),
    ],
)
def test_each_damage_is_healed_from_a_mirror_and_alone_where_nothing_signed_is_missing(house, statement, places, alone):
    live = house / "live"
    before = entries(live)
    damage(live, statement)
    with Rig(live) as rig:
        assert rig.findings != []
    given = {"calls": house / "export", "other": house / "other"}
    if not alone:
        assert refused(live) == "recovery-needs-mirror"
    plans = recovered(live, **({} if alone else given))
    assert places in plans[CALLS].places
    assert entries(live)[:-1] == before
    assert recovered(live, **given) == {}


def test_lost_heads_are_signed_again_and_damaged_ones_replaced(house):
    live = house / "live"
    path = live / "heads" / file_name(CALLS)
    whole = path.read_bytes()
    for content in (None, b"", whole[:-30] + b"x" + whole[-29:]):
        path.unlink()
        if content is not None:
            path.write_bytes(content)
        with Rig(live) as rig:
            assert rig.findings != []
        assert recovered(live)[CALLS].places == ("heads",)
        assert told(live).places == ("heads",)
        entries(live)


def test_a_smaller_mirror_serves_where_the_rest_stands_here(house):
    live = house / "live"
    with Rig(live) as rig:
        rig.run(add("newer than the mirror"))
    before = entries(live)
    damage(live, f"DELETE FROM entries {FIRST}")
    recovered(live, calls=house / "export")
    assert entries(live)[:-1] == before
    damage(live, "DELETE FROM entries WHERE log = 1 AND idx >= 301")
    assert refused(live, calls=house / "export") == "mirror-behind"


def test_what_the_head_signed_is_not_given_up_for_a_smaller_mirror(house):
    live = house / "live"
    with Rig(live) as rig:
        rig.run(add("newer than the mirror"))
    shutil.copy(house / "early" / "safeconduct.db", live / "safeconduct.db")
    assert refused(live, calls=house / "export") == "mirror-behind"


def test_another_history_by_the_same_key_is_never_taken(house):
    live, other = house / "live", house / "another"
    shutil.copytree(house / "early", other)
    with Rig(other) as rig:
        rig.run(add("what never was"))
        mirrored(rig, house / "forked")
    assert refused(live, calls=house / "forked") == "log-forked"
    shutil.copy(house / "early" / "safeconduct.db", live / "safeconduct.db")
    assert refused(live, calls=house / "forked") == "log-forked"  # the head says so
    shutil.copy(other / "safeconduct.db", live / "safeconduct.db")
    assert refused(live, calls=house / "mirror") == "log-forked"
    with Rig(other) as rig:
        rig.fill(3, start=1000)
        mirrored(rig, house / "longer-fork")
    assert refused(live, calls=house / "longer-fork") == "log-forked"


def test_a_mirror_that_does_not_verify_is_not_read(house):
    folder = house / "mirror"
    bundle = next(path for path in sorted((folder / "tile" / "entries").rglob("*")) if path.is_file())
    with pytest.raises(UnavailableError) as caught:
        mirror_at(folder, witnesses=(cosigner().verifier,))
    assert caught.value.code == "not-cosigned"
    bundle.write_bytes(bundle.read_bytes()[:-1] + b" ")
    with pytest.raises(UnavailableError) as caught:
        mirror_at(folder)
    assert caught.value.code == "mirror-damaged"


def test_cosignatures_that_verify_stay_and_a_damaged_one_goes(house):
    live = house / "live"
    with Rig(live) as rig:
        for _time in range(2):
            signed = rig.reader.checkpoint(CALLS)
            note = signed.note.with_signatures([cosigner().cosign(signed.note.text, 1)])
            rig.writer.keep_cosigned(SignedCheckpoint(signed.checkpoint, note), cosigner().verifier)
            rig.run(add(f"after {signed.checkpoint.size}"))
    damage(live, "UPDATE cosigned SET note = replace(note, 'partner', 'Partner') WHERE size = 300")
    assert recovered(live)[CALLS].places == ("cosigned",)
    with Rig(live) as rig:
        assert (rig.findings, [size for size, _note, _key in rig.store.cosigned(CALLS)]) == ([], [301])


class Failing:
    """A port whose one method fails, before or after it did its work."""

    def __init__(self, port, method, *, applied):
        self._port, self._method, self._applied = port, method, applied

    def __getattr__(self, name):
        real = getattr(self._port, name)
        if name != self._method:
            return real

        def fails(*given, **named):
            if self._applied:
                real(*given, **named)
            raise UnavailableError("the disk said no", code="store-failed")

        return fails


@pytest.mark.parametrize("applied", [False, True], ids=["failed", "failed but applied"])
@pytest.mark.parametrize("method", ["commit", "replace"])
def test_a_recovery_that_fails_half_way_is_done_by_the_next_one(house, method, applied):
    live = house / "live"
    before = entries(live)
    shutil.copy(house / "early" / "safeconduct.db", live / "safeconduct.db")
    (live / "heads" / file_name(CALLS)).unlink()
    with closing(SqliteStore(live / "safeconduct.db")) as store:
        heads = FileHeads(live / "heads")
        plans = plans_of(store, heads, {CALLS: mirror_at(house / "export")})
        with pytest.raises(UnavailableError):
            carried_out(Failing(store, method, applied=applied), Failing(heads, method, applied=applied), plans)
    recovered(live, calls=house / "export")
    assert recovered(live, calls=house / "export") == {}
    after = entries(live)
    assert after[: len(before)] == before
    assert len(after) - len(before) in {1, 2}
    if len(after) == len(before) + 2:
        assert told(live).places == ("heads",)  # the one thing that the failed run had not written
