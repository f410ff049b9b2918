"""The secret of people's identifiers: made once, for its owner only, and never another one unnoticed."""

import stat
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from safeconduct.adapters.safety_secret import FILE, safety_secret
from safeconduct.kernel.errors import InvalidInputError


def test_it_is_made_once_and_read_again(tmp_path):
    made = safety_secret(tmp_path, lambda count: b"a" * count)
    assert made == safety_secret(tmp_path, lambda count: b"b" * count) == b"a" * 32
    assert stat.S_IMODE((tmp_path / FILE).stat().st_mode) == 0o600


def test_of_several_that_begin_at_once_one_makes_it_and_all_have_the_same(tmp_path):
    begin = threading.Barrier(8)

    def asked(number):
        begin.wait()
        return [safety_secret(folder, lambda count: bytes([number]) * count) for folder in folders]

    folders = [tmp_path / str(number) for number in range(20)]
    for folder in folders:
        folder.mkdir()
    with ThreadPoolExecutor(8) as threads:
        found = list(threads.map(asked, range(8)))
    assert all(one == found[0] for one in found)


@pytest.mark.parametrize("held", ["", "zz" * 32, "61" * 31])
def test_a_file_that_holds_something_else_is_refused_rather_than_replaced(tmp_path, held):
    (tmp_path / FILE).write_text(held)
    with pytest.raises(InvalidInputError) as caught:
        safety_secret(tmp_path, lambda count: b"a" * count)
    assert caught.value.code == "safety-key-unreadable"
    assert (tmp_path / FILE).read_text() == held
