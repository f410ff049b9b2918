"""What of grants is due, for the one calendar."""

from safeconduct.access.grants_due import due
from safeconduct.approvals import Verdict
from support.granting import HOUR, Granting


def test_what_is_open_is_due_and_what_is_over_is_not():
    house = Granting()
    asked, held = house.ask(hours=3), house.granted(hours=2)
    denied = house.ask()
    house.vote(denied, "cy", Verdict.REJECT)
    found = {(one.kind, one.name): (one.at, one.owner) for one in due(house.state, house.now)}
    assert found.items() >= {
        (("grant-request", asked.id), (house.now + 3 * HOUR, "principal:ana")),
        (("grant", held.id), (house.now + 2 * HOUR, "principal:ana")),
    }
    assert denied.id not in {name for _, name in found}


def test_a_review_is_due_of_each_party_and_says_what_follows():
    house = Granting()
    house.break_glass()
    reviews = [one for one in due(house.state, house.now) if one.kind == "break-glass-review"]
    assert [one.owner for one in reviews] == ["organization:northwind", "organization:meridian"]
    assert reviews[0].consequence == "northwind opens no break-glass from then on"
    late = [one for one in due(house.state, reviews[0].at) if one.kind == "break-glass-review"]
    assert late[0].consequence == "northwind opens no break-glass"


def test_a_grant_of_the_program_ends_with_its_window():
    house = Granting()
    (ends,) = (one for one in due(house.state, house.now) if one.name == "ana-triage")
    house.pass_time(ends.at - house.now - 1)
    assert ends in due(house.state, house.now)
    house.pass_time(1)
    assert ends not in due(house.state, house.now)
