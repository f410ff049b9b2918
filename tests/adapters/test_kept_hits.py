"""Attacks on what live detection keeps: by who can write its file, and not make the installation's MAC."""

import pytest

from safeconduct.adapters.telemetry.kept_hits import KeptHitsFile
from safeconduct.kernel.errors import UnavailableError
from safeconduct.soc.detection.measuring import Hit
from safeconduct.soc.live.keeping import Again, Found, KeptStep

MADE = "of these rules and this index"


def ours():
    return b"o" * 32


def theirs():
    return b"t" * 32


def step(number):
    hit = Hit(rule="rule", events=(f"e{number}",), at=number, matches=(), fields={})
    return KeptStep(number=number, last=f"e{number}", events=number, found=Found(hits={"rule": [hit]}, until=number))


def kept(path, secret=ours, owner="", steps=4):
    file = KeptHitsFile(path, secret, owner)
    file.begin(MADE, Again.NOTHING)
    for number in range(1, steps + 1):
        file.add(step(number))
    return file


def read(path, owner=""):
    return KeptHitsFile(path, ours, owner).read(MADE)


@pytest.fixture
def path(tmp_path):
    made = tmp_path / "live.hits"
    kept(made)
    return made


def lines(path):
    return path.read_bytes().splitlines(keepends=True)


def test_what_was_kept_is_read_and_gone_on_with(path):
    again = KeptHitsFile(path, ours)
    assert [hit.events for hit in again.read(MADE).found.hits["rule"]] == [("e1",), ("e2",), ("e3",), ("e4",)]
    again.add(step(5))
    assert (read(path).number, len(read(path).found.hits["rule"])) == (5, 5)


@pytest.mark.parametrize("order", [(0, 1, 3, 4), (0, 2, 3, 4), (0, 2, 1, 3, 4), (0, 1, 1, 2, 3, 4), (1, 2, 3, 4)])
def test_a_step_that_is_left_out_moved_or_repeated_is_noticed(path, order):
    found = lines(path)
    path.write_bytes(b"".join(found[number] for number in order))
    assert read(path) is Again.DAMAGED


def test_steps_that_are_missing_at_the_end_are_of_events_that_are_read_again(path):
    path.write_bytes(b"".join(lines(path)[:3]))
    assert read(path).number == 2


def test_a_hit_that_is_taken_out_of_a_step_is_noticed(path):
    found = lines(path)
    assert b'"e2"' in found[2]
    said = found[2].replace(b'"hits":{"rule":', b'"hits":{"none":')
    assert said != found[2]
    path.write_bytes(b"".join([*found[:2], said, *found[3:]]))
    assert read(path) is Again.DAMAGED


def test_a_file_of_another_installation_or_owner_is_none_of_ours(path, tmp_path):
    kept(path, theirs)
    assert read(path) is Again.DAMAGED
    kept(path, ours, "partner")
    assert (read(path), read(path, "partner").number) == (Again.DAMAGED, 4)


def test_the_start_of_one_file_and_steps_of_another_do_not_go_together(path, tmp_path):
    kept(tmp_path / "other", owner="partner")
    path.write_bytes(b"".join([lines(path)[0], *lines(tmp_path / "other")[1:]]))
    assert read(path) is Again.DAMAGED


def test_why_it_began_anew_is_not_what_somebody_else_wrote(path):
    assert KeptHitsFile(path, ours).because() == "nothing-kept"
    kept(path, theirs)
    assert KeptHitsFile(path, ours).because() == "damaged"
    path.write_bytes(b"")
    assert KeptHitsFile(path, ours).because() == "damaged"


def test_without_the_secret_nothing_is_taken_and_nothing_kept(path):
    def away():
        raise UnavailableError("who keeps the key is away", code="key-unavailable")

    file = KeptHitsFile(path, away)
    assert file.read(MADE) is Again.DAMAGED
    file.begin(MADE, Again.DAMAGED)
    file.add(step(1))
    assert not path.exists()
