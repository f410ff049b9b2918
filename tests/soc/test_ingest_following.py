"""Files that are still written: each line once, over rotation, emptying, restarts and a server that is away."""

from contextlib import ExitStack

import pytest

from safeconduct.adapters.telemetry.following import Followed, Place
from safeconduct.cli.following import follow
from safeconduct.kernel.errors import InvalidInputError, UnavailableError
from support.telemetry import ran


def write(path, text, mode="a"):
    with path.open(mode) as file:
        file.write(text)


@pytest.fixture
def log(tmp_path):
    return tmp_path / "auth.log"


@pytest.fixture
def followed():
    with ExitStack() as stack:

        def made(*words):
            one = Followed(*words)
            stack.callback(one.close)
            return one

        yield made


def test_whole_lines_come_as_they_are_written(log, followed):
    one = followed(log)
    assert one.more() == b""
    write(log, "a\nb\nc")
    assert [one.more(), one.more()] == [b"a\nb\n", b""]
    write(log, "d\n")
    assert [one.more(), one.more()] == [b"cd\n", b""]


@pytest.mark.parametrize("left", ["", "tail", "tail\n"])
def test_a_rotated_file_is_read_to_its_end_first(log, left, followed):
    write(log, "a\n")
    one = followed(log)
    assert one.more() == b"a\n"
    write(log, left)
    log.rename(log.with_suffix(".1"))
    write(log, "new\n")
    came = b"".join(iter(one.more, b""))
    assert came == left.encode() + b"new\n"


def test_a_file_that_was_emptied_is_read_from_its_beginning(log, followed):
    write(log, "first\nsecond\n")
    one = followed(log)
    assert one.more() == b"first\nsecond\n"
    write(log, "x\n", mode="w")
    assert one.more() == b"x\n"


def test_an_audit_event_is_not_cut(log, followed):
    first, second = ran("id", serial=1), ran("ls", serial=2)
    half = second.splitlines(keepends=True)
    one = followed(log)
    write(log, f"{first}\n{half[0]}")
    assert one.more() == f"{first}\n".encode()
    write(log, "".join(half[1:]) + "\n")
    assert [one.more(), one.more()] == [b"", f"{second}\n".encode()]


def test_a_table_has_its_header_in_each_piece(log, followed):
    head = "#separator \\x09\n#fields\tts\n#types\ttime\n"
    write(log, head + "1.5\n")
    one = followed(log)
    assert one.more() == (head + "1.5\n").encode()
    write(log, "2.5\n")
    assert one.more() == (head + "2.5\n").encode()
    place = one.place()
    write(log, "3.5\n")
    assert followed(log, place).more() == (head + "3.5\n").encode()


def test_a_reader_goes_on_where_the_former_was(log, followed):
    write(log, "a\n")
    one = followed(log)
    assert one.more() == b"a\n"
    place = one.place()
    write(log, "b\n")
    log.rename(log.with_suffix(".1"))
    write(log, "c\n")
    again = followed(log, place)
    assert b"".join(iter(again.more, b"")) == b"b\nc\n"


@pytest.mark.parametrize("wrong", [{"head": "0" * 64}, {"offset": 99}, {"inode": 1}])
def test_a_place_in_another_file_is_not_believed(log, wrong, followed):
    write(log, "a\nb\n")
    one = followed(log)
    one.more()
    place = one.place()
    told = {"inode": place.inode, "offset": place.offset, "head": place.head} | wrong
    assert followed(log, Place(**told)).more() == b"a\nb\n"


class Stops:
    """Waits for nothing, and interrupts after so many waits."""

    def __init__(self, waits):
        self.left = waits

    def __call__(self, _seconds):
        self.left -= 1
        if self.left < 0:
            raise KeyboardInterrupt


def test_following_keeps_its_place_after_each_answer(log, tmp_path):
    came, state = [], tmp_path / "places.json"
    write(log, "a\n")
    follow([log], state, lambda *sent: came.append(sent), Stops(1))
    write(log, "b\n")
    follow([log], state, lambda *sent: came.append(sent), Stops(1))
    assert came == [("auth.log", b"a\n"), ("auth.log", b"b\n")]
    follow([log], None, lambda *sent: came.append(sent), Stops(1))
    assert came[-1] == ("auth.log", b"a\nb\n")


def test_a_server_that_is_away_is_asked_again_and_one_that_never_answered_moves_no_place(log, tmp_path):
    state, tries = tmp_path / "places.json", []

    def away(_name, piece):
        tries.append(piece)
        if len(tries) < 3:
            raise UnavailableError("restarting")

    write(log, "a\n")
    follow([log], state, away, Stops(1))
    assert (tries, state.exists()) == ([b"a\n", b"a\n"], False)
    follow([log], state, away, Stops(1))
    assert (tries, state.exists()) == ([b"a\n"] * 3, True)


def test_what_can_not_be_followed_is_told(log, tmp_path):
    with pytest.raises(InvalidInputError):
        follow([tmp_path], None, print, Stops(0))
    (tmp_path / "places.json").write_text("[]")
    with pytest.raises(InvalidInputError) as refused:
        follow([log], tmp_path / "places.json", print, Stops(0))
    assert refused.value.code == "state-invalid"
