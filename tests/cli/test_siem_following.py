"""Following a SIEM's alerts: what is new is shown, what is away is asked again, what never answers ends it."""

import pytest

from safeconduct.cli.siem_following import follow
from safeconduct.kernel.errors import InvalidInputError, LimitedError, UnavailableError


class Pulls:
    """Answers, or raises, one after the other; then somebody interrupts."""

    def __init__(self, *answers):
        self._answers = list(answers)
        self.shown, self.said, self.waited = [], [], []

    def pull(self):
        if not self._answers:
            raise KeyboardInterrupt
        answer = self._answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    def follow(self):
        follow(self.pull, self.shown.append, self.said.append, 120, self.waited.append)
        return self


def found(new, *, complete=True, dead=None):
    return {"alerts": ["a"] * max(new, 1), "complete": complete, "file": {"new": new, "dead": dead or {}}}


def test_what_brings_nothing_new_is_not_shown():
    pulls = Pulls(found(2), found(0), found(1)).follow()
    assert [one["file"]["new"] for one in pulls.shown] == [2, 1]
    assert pulls.waited == [120, 120, 120]


def test_where_there_is_more_nobody_waits():
    assert Pulls(found(200, complete=False), found(3)).follow().waited == [120]


def test_where_more_is_said_but_nothing_new_comes_it_is_no_tight_loop():
    assert Pulls(found(0, complete=False), found(0, complete=False)).follow().waited == [120, 120]


def test_what_could_not_be_read_is_shown():
    assert len(Pulls(found(0, dead={"time-broken": 1})).follow().shown) == 1


@pytest.mark.parametrize(
    "error", [UnavailableError("away", code="siem-busy"), LimitedError("enough", code="siem-over-budget")]
)
def test_what_does_not_answer_now_is_said_and_asked_again(error):
    pulls = Pulls(error, found(1)).follow()
    assert (len(pulls.said), len(pulls.shown), pulls.waited) == (1, 1, [120, 120])
    assert error.code in pulls.said[0]


def test_what_will_never_answer_ends_it():
    with pytest.raises(InvalidInputError):
        Pulls(found(1), InvalidInputError("no", code="siem-since-missing")).follow()
