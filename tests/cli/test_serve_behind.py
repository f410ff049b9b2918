"""A server whose machine's clock is behind the last entry: it says so at its start, and what it says is so."""

import shutil

import pytest

from safeconduct.access.acts import ACT_AGE_MAX
from safeconduct.access.freezes import freeze
from safeconduct.adapters.clock import SystemClock
from safeconduct.adapters.data_folder import locked
from safeconduct.bootstrap.installation import opened
from safeconduct.kernel.instants import HOUR, MINUTE
from support.freezing import ordered
from support.logs import Clock
from support.patience import PATIENCE_S
from support.programs import signed
from support.shell import House, agreed, serving

OPERATION = "POST /api/v1/freezes"
BO = "principal:bo"


@pytest.fixture(scope="module")
def template(tmp_path_factory):
    return agreed(tmp_path_factory.mktemp("template") / "house", upstream="custom", model="m")[0]


def last_entry(data, ahead):
    """Has the last entry come from a clock that ran ahead of this machine's."""
    clock = Clock(SystemClock().now() + ahead)
    act = signed("ops", OPERATION, BO.encode(), clock.now())
    with locked(data), opened(data, clock=clock) as installation:
        installation.writer.submit(
            lambda tx: freeze(tx, act, ordered(BO), operation=OPERATION, content=act.act.content)
        ).result(PATIENCE_S)


@pytest.mark.parametrize(
    ("ahead", "told", "refused"),
    [
        (0, "", False),
        (ACT_AGE_MAX - MINUTE, "are still taken", False),
        (ACT_AGE_MAX + HOUR, "are refused as act-stale", True),
    ],
)
def test_a_start_behind_the_log_says_by_how_much_and_what_follows(template, tmp_path, ahead, told, refused):
    shutil.copytree(template.root, tmp_path / "house")
    house, log = House(tmp_path / "house"), tmp_path / "server"
    last_entry(house.data, ahead)
    with serving(house.data, log=log):
        said = house("freeze", "principal:ana", "--reason", "a test", "--json")
        clock = next(one for one in house("doctor", "--json").json["findings"] if one["check"] == "clock")
    assert ("this machine's clock is" in log.with_suffix(".err").read_text()) is bool(told)
    assert told in log.with_suffix(".err").read_text()
    assert told in clock["said"]
    assert clock["state"] == ("warn" if told else "ok")
    assert (said.code != 0 and said.error == "act-stale") if refused else said.code == 0
