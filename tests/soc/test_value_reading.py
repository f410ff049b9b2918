"""What the report on value reads: no more than it needs, and nobody else's."""

import pytest

from safeconduct.adapters.memory.records import MemoryState
from safeconduct.approvals import Approval, Proposal, Verdict, Vote
from safeconduct.approvals.events import APPROVALS
from safeconduct.kernel.ids import ulid
from safeconduct.soc.claim_events import ANSWERS, AnswerRecord
from safeconduct.soc.incidents.events import INCIDENTS
from safeconduct.soc.incidents.model import AlertReference, IncidentRecord
from safeconduct.soc.value.asking import asks
from safeconduct.soc.value.reading import courses
from safeconduct.soc.value.report import Stretch
from support.courses import PATH, at


class Counting:
    """Records that count how often they are read, and how much of them."""

    def __init__(self, records):
        self.records, self.reads = records, 0

    def get(self, collection, key):
        self.reads += 1
        return self.records.get(collection, key)

    def scan(self, collection, prefix=""):
        for found in self.records.scan(collection, prefix):
            self.reads += 1
            yield found


def opened(count):
    """Returns records of that many incidents, each the only one of its alerts."""
    records = MemoryState()
    for number in range(count):
        alert = AlertReference(
            id=f"a{number}", rule="r", rule_digest="d", title="t", level="high", techniques=(), at=at(0), total=1,
            events=(f"e{number}",),
        )  # fmt: skip
        one = IncidentRecord(
            id=f"i{number:04d}", origin="o", opened_at=at(0), entry_id="e", first_at=at(0), last_at=at(0), score=30,
            parts=1, expected=1, alerts=(alert,), edges=(),
        )  # fmt: skip
        records.put(INCIDENTS, one.id, one)
        answered = AnswerRecord(
            call=f"01JD{number:022d}",
            incident=one.id,
            path=PATH,
            at=at(1),
            claims=1,
            verified=1,
            verdict="",
            prompt="p",
        )
        records.put(ANSWERS, answered.call, answered)
    return Counting(records)


def test_what_is_read_grows_with_the_incidents_and_no_faster():
    stretch = Stretch(since=at(0), until=at(1))
    few, many = opened(20), opened(80)
    for records, count in ((few, 20), (many, 80)):
        assert len(courses(records, frozenset(("",)), stretch)) == count
        assert asks(records, frozenset(("",))).waiting == {"review": count}
    assert many.reads <= 4 * few.reads


@pytest.mark.parametrize(("owner", "kinds"), [("", {"grant": 1}), ("acme", {})])
def test_votes_on_what_is_no_incident_of_an_owner_are_the_house_s(owner, kinds):
    records = opened(1)
    proposal = Proposal(kind="grant", content="c", proposer="ana", groups=(), expires_at=at(9))
    vote = Vote(voter="bo", verdict=Verdict.APPROVE, seats=(), entry=ulid(at(1), bytes(10)))
    approval = Approval(id="p", origin="o", digest="d", proposal=proposal, votes=(vote,))
    records.records.put(APPROVALS, "p", approval)
    found = asks(records, frozenset((owner,)))
    assert ({one.kind: 1 for one in found.answered}, [one.at for one in found.answered]) == (
        kinds,
        [at(1)] * len(kinds),
    )
    assert found.waiting == ({"grant": 1, "review": 1} if not owner else {})
