"""Over several gateway processes and PostgreSQL: one destroys telemetry, the hunts of the others go on meanwhile."""

import contextlib
import os
import signal
from types import SimpleNamespace

import pytest

from safeconduct.adapters.data_folder import running_server
from support.ahead import days_ahead
from support.keeping import DESTROYED, ORDERED
from support.kept_files import DAYS, destruction, held, keeping_a_day, left, raw_files
from support.several_workers import WORKERS, several_workers
from support.shell import until
from support.telemetry import accepted
from support.worker_sockets import Line, pids

FILES = 4
GONE = 2


@pytest.fixture
def served(postgres, tmp_path):
    """A gateway with two workers whose keeper has destroyed some files of an order, and waits at the others."""
    with contextlib.ExitStack() as ahead, contextlib.ExitStack() as holding:

        def making(root):
            house = keeping_a_day(root, files=FILES)
            assert house("hunt", "run", "--json", by="ana").json["counted"] == FILES  # makes segments
            holding.enter_context(held(raw_files(house)[GONE:]))
            ahead.enter_context(days_ahead(tmp_path / "ahead", DAYS))
            return house

        with several_workers(tmp_path, postgres, making) as found:
            secret = {"authorization": f"Bearer {running_server(found.house.data).secret}"}
            until(lambda: len(pids(found.process, "worker")) == WORKERS, found.process, says="workers")
            lines = [Line(found.url, secret, pid) for pid in pids(found.process, "worker")]
            for one in lines:
                until(lambda one=one: one.ask("/readyz", method="GET")[0] == 200, found.process, says="ready")
            yield SimpleNamespace(house=found.house, process=found.process, lines=lines, release=holding.close)


def counted(line):
    """Returns how many events a hunt for all of them counts at a worker."""
    status, told = line.ask("/api/v1/hunts", b"{}", content_type="application/json")
    assert status == 200, told
    return told["counted"]


def still_counted(served):
    """Has each worker hunt; tells that each answered, at least with what is left."""
    return all(1 <= counted(line) <= FILES + 1 for line in served.lines)


def test_a_keeper_that_is_killed_half_way_is_followed_by_one_that_goes_on(served):
    house = served.house
    until(lambda: len(raw_files(house)) == FILES - GONE, served.process, says="half of it destroyed")
    (killed,) = pids(served.process, "keeper")
    os.kill(killed, signal.SIGKILL)
    until(lambda: pids(served.process, "keeper") not in ([], [killed]), served.process, says="another keeper")
    assert len(raw_files(house)) == FILES - GONE
    served.release()
    until(lambda: DESTROYED in destruction(house), served.process, says="the end")
    assert (destruction(house), raw_files(house), left(house)) == ([ORDERED, DESTROYED], [], [])


def test_hunts_of_every_worker_go_on_while_one_process_destroys_what_they_read(served):
    house = served.house
    until(lambda: len(raw_files(house)) == FILES - GONE, served.process, says="half of it destroyed")
    young = house.root / "young.log"
    young.write_text(accepted("young", at_s=60) + "\n")
    assert house("ingest", young, by="ana").code == 0
    assert destruction(house) == [ORDERED]
    for line in served.lines:
        assert FILES - GONE + 1 <= counted(line) <= FILES + 1
    served.release()
    until(lambda: still_counted(served) and destruction(house) == [ORDERED, DESTROYED], served.process, says="the end")
    assert [counted(line) for line in served.lines] == [1, 1]
    assert left(house) == []
    assert len(raw_files(house)) == 1
