"""A clock that jumps: ids and instants only ever go forward, within a process, across starts, and after a recovery."""

import shutil
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import given, settings
from hypothesis import strategies as st

from safeconduct.kernel.ids import ulid_number
from safeconduct.kernel.instants import Instant, parse_rfc3339, seconds
from safeconduct.ledger.receipts import verify_receipt
from support.logs import CALLS, OTHER, START, Rig, add, signer
from support.outside import wrong_from_outside
from support.recovering import exported, recovered

FAR = parse_rfc3339("2099-12-31T23:59:59Z")
PAST = parse_rfc3339("1999-01-01T00:00:00Z")
HOUR_S = 3600

JUMPS = st.one_of(
    st.sampled_from([FAR, PAST, START]),
    st.integers(min_value=-HOUR_S, max_value=HOUR_S).map(lambda by: Instant(START + seconds(by))),
)


def in_order(rig):
    """Returns all entries in the order in which they were committed, after checking that it is a strict one."""
    for origin in (CALLS, OTHER):
        entries = list(rig.reader.entries(origin))
        assert all(one.id < two.id and one.at <= two.at for one, two in pairwise(entries))
    merged = sorted((entry for origin in (CALLS, OTHER) for entry in rig.reader.entries(origin)), key=lambda e: e.id)
    assert all(one.at <= two.at for one, two in pairwise(merged))
    return merged


@given(jumps=st.lists(st.tuples(JUMPS, st.booleans()), min_size=1, max_size=6))
@settings(max_examples=25)
def test_time_goes_forward_whatever_the_clock_does(jumps):
    with TemporaryDirectory() as name:
        rig, written = Rig(Path(name)), []
        assert rig.writer.start() == []
        for number, (to, restart) in enumerate(jumps):
            if restart:
                rig.close()
                rig = Rig(Path(name))
                assert rig.writer.start() == []
            rig.clock.time = to
            for origin in (CALLS, OTHER):
                committed = rig.run(add(f"{origin}-{number}", origin, sealed={"request": number}))
                verify_receipt(committed.receipts[0], [signer(origin).verifier])
                written.append(committed.value.id)
        assert written == sorted(written)
        assert [entry.id for entry in in_order(rig)] == written
        assert wrong_from_outside(rig) == []
        assert rig.audit() == []
        rig.close()


def test_a_clock_that_was_in_2099_and_came_back(tmp_path):
    with Rig(tmp_path) as rig:
        rig.clock.time = FAR
        rig.fill(3)
    with Rig(tmp_path) as rig:  # at START again
        assert rig.findings == []
        (receipt,) = rig.fill(1, start=3)
        entry = rig.reader.entry(receipt.entry_id)
        assert entry.at == FAR  # not before the last: rules that ask for the time wait, they don't go back
        assert ulid_number(entry.id) >> 80 == FAR // 1000
        in_order(rig)
        assert wrong_from_outside(rig) == []


def test_a_damaged_entry_of_the_far_future_moves_nobody_s_clock(tmp_path):
    with Rig(tmp_path) as rig:
        rig.clock.time = FAR
        rig.fill(3)
        rig.clock.time = START
        exported(rig, tmp_path / "mirror")
    live = tmp_path / "live"
    live.mkdir()
    for name in ("safeconduct.db", "keys.db"):
        shutil.copy(tmp_path / name, live / name)
    for name in ("heads", "kek"):
        shutil.copytree(tmp_path / name, live / name)
    recovered(live, calls=tmp_path / "mirror")
    with Rig(live) as rig:
        assert rig.findings == []
        assert {entry.at for entry in in_order(rig)} == {FAR}
