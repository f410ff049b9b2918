"""Two who need the key of a new log at once get the same one."""

import os
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

from safeconduct.adapters.log_keys import LogKeys
from safeconduct.kernel.ids import Origin
from support.patience import PATIENCE_S

ORIGIN = Origin("safeconduct.example/ag-1")
AT_ONCE = 8


def test_a_new_log_gets_one_key_whoever_asks_first(tmp_path):
    together = Barrier(AT_ONCE)

    def ask(_number):
        keys = LogKeys(tmp_path, os.urandom)
        together.wait(PATIENCE_S)
        return keys.signer(ORIGIN).verifier

    with ThreadPoolExecutor(AT_ONCE) as pool:
        found = set(pool.map(ask, range(AT_ONCE)))
    assert len(found) == 1
    assert len(list(tmp_path.iterdir())) == 1
