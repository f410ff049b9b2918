"""One installation with a program in force, copied for each attack; and a partner with receipts in its hand."""

import shutil
from types import SimpleNamespace

import pytest

from support.hostile import Keeper, Partner, cosigned, served, witnessing
from support.shell import House, agreed
from support.talker import talking

CALLS = 3


@pytest.fixture(scope="session")
def template(tmp_path_factory):
    root = tmp_path_factory.mktemp("hostile") / "house"
    house, told, log_key = agreed(root, upstream="custom", model="m")
    return SimpleNamespace(root=root, told=told, log_key=log_key, house=house)


def parties(template, folder):
    """Copies the installation; returns its keeper and the partner, who has a token."""
    shutil.copytree(template.root, folder / "house")
    house = House(folder / "house")
    (folder / "partner").mkdir()
    partner = Partner(folder / "partner", house.key("ana"), house.key("bo"), template.log_key, template.told["key"])
    issued = house("token", "issue", "ana", "--json", by="ana").json
    partner.token = {"authorization": f"Bearer {issued['secret']}"}
    return Keeper(house), partner


@pytest.fixture
def scene(template, tmp_path):
    """A keeper that served three calls while the partner's witness was away, and a partner that kept the receipts."""
    keeper, partner = parties(template, tmp_path)
    with talking() as model:
        with served(keeper, model) as url:
            calls = [partner.call(url, f"question {n}")[1] for n in range(CALLS)]
        yield SimpleNamespace(keeper=keeper, partner=partner, calls=calls, model=model, told=template.told)


@pytest.fixture(scope="module")
def honest(template, tmp_path_factory):
    """A keeper that serves, a witness that cosigned, a partner that has receipts and a mirror: all as it should be."""
    keeper, partner = parties(template, tmp_path_factory.mktemp("honest"))
    with talking() as model, witnessing(partner, template.told) as told, served(keeper, model) as url:
        cosigned(keeper, len(keeper.entries()))
        assert partner.mirror(url, "before").code == 0
        calls = [partner.call(url, f"question {n}")[1] for n in range(CALLS)]
        cosigned(keeper, len(keeper.entries()))
        assert partner.mirror(url).code == 0
        yield SimpleNamespace(keeper=keeper, partner=partner, calls=calls, url=url, witness=told["url"])
