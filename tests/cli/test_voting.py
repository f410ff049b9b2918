"""Commands that vote on what a list shows: the ballot is over that list's draft, and a stranger's id is no vote."""

import json

import pytest

from safeconduct.approvals import Verdict, ballot
from safeconduct.cli import activation, call, opening
from safeconduct.kernel.errors import AbsentError

COMMANDS = [
    (call, "/api/v1/calls/held", "approval-unknown"),
    (opening, "/api/v1/logs/openings", "opening-unknown"),
    (activation, "/api/v1/policies/proposals", "proposal-unknown"),
]


class Desk:
    """The control API with two approvals in one list; keeps the votes."""

    def __init__(self, listed):
        self.listed, self.votes = listed, []

    def get(self, path):
        assert path == self.listed
        return [{"approval": {"id": name, "draft": f"draft-{name}"}} for name in ("one-first", "one-second")]

    def post(self, path, document):
        self.votes.append((path, document))
        return {"id": path.split("/")[-2], "state": "proposed"}


@pytest.fixture(params=COMMANDS, ids=lambda param: param[2])
def voting(request, monkeypatch):
    module, listed, code = request.param
    desk = Desk(listed)
    monkeypatch.setattr(module, "client", lambda *_given: desk)
    return module.approve, desk, code


@pytest.mark.parametrize("named", ["one-second", "one-se"])
@pytest.mark.parametrize(("against", "verdict"), [(False, Verdict.APPROVE), (True, Verdict.REJECT)])
def test_the_vote_is_on_the_draft_that_is_listed_under_the_id(voting, capsys, against, verdict, named):
    approve, desk, _ = voting
    approve(named, against=against, as_json=True)
    assert desk.votes == [(f"{desk.listed}/one-second/vote", ballot("draft-one-second", verdict))]
    assert json.loads(capsys.readouterr().out)["id"] == "one-second"


@pytest.mark.parametrize("named", ["one-third", "one-", "one-s", "one-secondly"])
def test_what_is_not_listed_or_not_named_well_enough_is_not_voted_on(voting, named):
    approve, desk, code = voting
    with pytest.raises(AbsentError) as caught:
        approve(named, against=False)
    assert (caught.value.code, desk.votes) == (code, [])
