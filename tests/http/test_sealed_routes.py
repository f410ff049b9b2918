"""Sealed fields over HTTP: opened by acts, held, destroyed; and who tries it without being allowed to."""

import pytest

from safeconduct.access.certifying import HOUSE_METHOD, METHOD_LENGTH_MAX
from safeconduct.access.destruction import KEYS_MAX
from safeconduct.approvals import Verdict, ballot
from safeconduct.http.inprocess import Ask
from safeconduct.kernel.entries import Reader, Retention
from safeconduct.kernel.instants import parse_rfc3339
from safeconduct.ledger.certificates import read_certificate
from safeconduct.ledger.disclosures import verify_disclosure
from safeconduct.ledger.sealing import DataKeyName, Readership
from safeconduct.ledger.trust import Trust
from support.gateway_world import AGREEMENT, SIGNERS, log_world
from support.programs import signed
from support.readers import AUDITOR_KEY, PROVIDER_KEY, with_readers
from support.sealed_house import PREFIX, SealedHouse

OPENED = "access.field.opened/1"


@pytest.fixture
def house():
    with log_world(program=with_readers()) as world:
        yield SealedHouse(world)


def vote(house, approval, *, by, verdict=Verdict.APPROVE):
    return house.post(f"openings/{approval['id']}/vote", ballot(approval["draft"], verdict), by=by)


def test_the_value_comes_with_the_entry_that_says_so(house):
    status, told = house.open(house.call, "request", by="ops")
    assert (status, told["value"], told["state"]) == (200, "a question", "opened")
    last = house.log()[-1]
    assert (last.id, last.type, last.body["reader"]) == (told["opened"], OPENED, "provider")


def test_the_opener_may_ask_for_what_discloses_the_field_to_others(house):
    _, told = house.open(house.call, "request", by="ana", disclose=True)
    disclosed = verify_disclosure(told["disclosure"].encode(), Trust(log=SIGNERS[AGREEMENT].verifier))
    assert (disclosed.field, disclosed.value, disclosed.proven.entry.id) == ("request", "a question", house.call)
    assert house.open(house.call, "request", by="ana")[1]["disclosure"] is None


def test_the_local_secret_opens_nothing(house):
    """Whoever holds the data reads what is clear; opening takes a name."""

    path = f"{PREFIX}/entries/{house.call}/fields/request/open"
    body = b'{"reason":"incident 7"}'
    status, told = house.send(Ask(method="POST", path=path, headers={"authorization": "Bearer local"}, body=body))
    assert (status, told["code"]) == (401, "act-missing")


@pytest.mark.parametrize(
    ("part", "field", "by", "code"),
    [
        ("call", "sent", "ops", "field-not-yours"),
        ("call", "request", "eve", "field-not-yours"),
        ("outcome", "released", "ops", "field-not-yours"),
        ("call", "nothing", "ana", "field-unknown"),
    ],
)
def test_the_key_of_another_party_gets_neither_value_nor_entry(house, part, field, by, code):
    size = len(house.log())
    status, told = house.open(getattr(house, part), field, by=by)
    assert (status, told["code"]) == (404 if code == "field-unknown" else 403, code)
    assert "what left" not in str(told)
    assert len(house.log()) == size


def test_without_a_reason_nothing_is_opened(house):
    assert house.open(house.call, "request", by="ana", reason=" ")[1]["code"] == "reason-missing"


def test_an_act_is_for_one_opening_of_one_field(house):
    path, body = f"{PREFIX}/entries/{house.call}/fields/request/open", b'{"reason":"incident 7"}'
    act = signed("ana", f"POST {path}", body, house.world.clock.now())
    tail = path.removeprefix(f"{PREFIX}/")
    assert house.post(tail, body, by="ana", act=act)[0] == 200
    assert house.post(tail, body, by="ana", act=act)[1]["code"] == "act-used"
    other = tail.replace("request", "sent")
    assert house.post(other, body, by="ana", act=act)[1]["code"] == "act-for-another-request"
    assert sum(entry.type == OPENED for entry in house.log()) == 1


def test_two_parties_open_together(house):
    status, waiting = house.open(house.outcome, "released", by="eve")
    assert (status, waiting["state"], "value" in waiting) == (202, "waiting", False)
    approval = waiting["approval"]
    assert vote(house, approval, by="bo")[1]["state"] == "proposed"
    status, still = house.open(house.outcome, "released", by="eve")
    assert (status, "an answer" in str(still)) == (202, False)  # one side is not both
    assert vote(house, approval, by="ops")[1]["state"] == "approved"
    assert house.get("openings")[1][0]["approval"]["state"] == "approved"
    status, told = house.open(house.outcome, "released", by="eve")
    assert (status, told["value"]) == (200, "an answer")
    assert house.log()[-2].body["approval"] == approval["id"]
    assert house.open(house.outcome, "released", by="eve")[0] == 202  # once


def test_a_reader_opens_its_own_copy_and_gets_no_value(house):
    status, told = house.open(house.call, "request", by="ops", own_copy=True)
    assert (status, told["state"], "value" in told) == (200, "opened", False)
    assert house.log()[-1].body["own_copy"] is True


def order(house, *, by="ops", **more):
    return house.post("destructions", {"subject": "ana", "reason": "ana left"} | more, by=by)


def holder(document, name):
    return next(one for one in document["holders"] if one["holder"] == name)


def test_an_order_ends_in_the_house_s_certificate_and_shows_who_has_not_yet(house):
    status, told = order(house)
    assert (status, told["in_force"], told["waits_for"], told["key_count"]) == (200, True, None, 3)
    assert holder(told, "partner")["destroyed"]
    assert not holder(told, "provider")["destroyed"]
    said = house.log()[-1]
    assert said.type == "ledger.key.destroyed/1"
    certificate = read_certificate(said.body["certificate"], SIGNERS[AGREEMENT].verifier)
    assert (certificate.order, certificate.holder, certificate.method) == (told["order"], "partner", HOUSE_METHOD)
    assert certificate.covers(said.body["keys"])
    assert not certificate.covers(said.body["keys"][1:])
    for field in ("request", "sent"):
        assert house.open(house.call, field, by="ana")[1]["code"] == "destroyed"


def test_each_other_holder_certifies_its_own_keys(house):
    told = order(house)[1]
    keys = house.get(f"destructions/{told['order']}")[1]["keys"]
    assert (len(keys["provider"]), len(keys["auditor"])) == (1, 1)
    where = f"destructions/{told['order']}/certificates"
    foreign = house.post(where, {"keys": keys["auditor"], "method": "shredded"}, by="ops")
    assert foreign[1]["code"] == "certificate-incomplete"
    _, after = house.post(where, {"keys": keys["provider"], "method": "shredded"}, by="ops")
    assert [one["destroyed"] for one in after["holders"]] == [False, True, True]
    assert house.log()[-1].act["actor"] == "ops"
    _, after = house.post(where, {"keys": keys["auditor"], "method": "shredded"}, by="eve")
    assert all(one["destroyed"] for one in after["holders"])


def test_while_the_partner_is_away_nothing_is_destroyed(house):
    house.partner_answers = False
    told = order(house)[1]
    assert (told["in_force"], told["waits_for"]) == (False, "northwind.example/witness")
    assert told["problem"] == "the witness does not answer"
    assert house.open(house.call, "request", by="ana")[0] == 200
    house.partner_answers = True
    house.settled()
    house.settled()
    assert holder(house.get("destructions")[1][0], "partner")["destroyed"]


def test_an_order_names_a_subject(house):
    assert house.post("destructions", {"reason": "all"}, by="ops")[1]["code"] == "no-subject"


def place(house, *, by="bo", **selected):
    return house.post("holds", {"reason": "case 12"} | selected, by=by)


def test_a_hold_refuses_an_order_and_is_listed(house):
    _, hold = place(house, subject="ana")
    status, told = order(house)
    assert (status, told["code"], told["clause"]) == (403, "legal-hold", f"hold:{hold['id']}")
    assert house.get("holds")[1] == [hold]
    assert house.open(house.call, "request", by="ana")[0] == 200


def test_a_hold_that_comes_between_order_and_destruction_wins_and_is_shown(house):
    house.partner_answers = False
    told = order(house)[1]
    _, hold = place(house)
    house.partner_answers = True
    house.settled()
    (failed,) = house.settled().values()
    assert failed.code == "legal-hold"
    (shown,) = house.get("destructions")[1]
    assert (shown["in_force"], shown["held_by"], holder(shown, "partner")["destroyed"]) == (True, [hold["id"]], False)
    assert house.open(house.call, "request", by="ana")[0] == 200
    _, released = house.post(f"holds/{hold['id']}/release", {"reason": "closed"}, by="ops")
    assert released["state"] == "in-force"
    house.settled()
    assert holder(house.get(f"destructions/{told['order']}")[1], "partner")["destroyed"]


def test_a_hold_is_not_dodged_by_waiting_for_retention(house):
    _, hold = place(house, subject="ana")
    house.world.clock.at = parse_rfc3339("2027-03-01T00:00:00Z")
    said = house.look()
    assert (said.body["ordered"], said.body["postponed"]) == ([], [{"hold": hold["id"], "keys": 3}])
    assert house.get("holds")[1][0]["postponed_keys"] == 3
    house.settled()
    assert house.open(house.call, "request", by="ana")[0] == 200


def test_without_a_hold_retention_destroys(house):
    house.world.clock.at = parse_rfc3339("2027-03-01T00:00:00Z")
    assert len(house.look().body["ordered"]) == 1
    house.settled()
    house.settled()
    (shown,) = house.get("destructions")[1]
    assert (shown["by"], holder(shown, "partner")["destroyed"]) == ("retention:call", True)
    assert house.open(house.call, "request", by="ana")[1]["code"] == "destroyed"


def test_a_release_waits_for_the_partner(house):
    _, hold = place(house)
    house.partner_answers = False
    _, waiting = house.post(f"holds/{hold['id']}/release", {"reason": "closed"}, by="ops")
    assert waiting["state"] == "waiting"
    assert house.get("holds")[1][0]["release"] == waiting["request"]
    assert order(house)[1]["code"] == "legal-hold"


def test_a_hold_on_no_log_is_refused_since_it_would_hold_nothing(house):
    reason = {"reason": "case 12", "subject": "ana"}
    status, told = house.post("holds", reason | {"origin": f"{AGREEMENT}x"}, by="bo")
    assert (status, told["code"]) == (404, "log-unknown")
    assert house.post("holds", reason | {"origin": AGREEMENT}, by="bo")[1]["origin"] == AGREEMENT


@pytest.mark.parametrize("by", ["eve", "ana"])
def test_who_may_neither_hold_nor_destroy(house, by):
    assert place(house, by=by)[1]["code"] == "role-missing"
    assert order(house, by=by)[1]["code"] == "role-missing"


def test_an_order_and_a_certificate_of_the_most_keys_fit_their_entries(house):
    readership = Readership(
        readers=frozenset(Reader), house=True, wrap_for={Reader.PROVIDER: PROVIDER_KEY, Reader.AUDITOR: AUDITOR_KEY}
    )
    for number in range(KEYS_MAX):
        name = DataKeyName(
            origin=AGREEMENT, subject="bo", retention=Retention.CALL, readers=readership.readers, day=f"2026-{number}"
        )
        house.world.keys.make(name, readership)
    house.world.keys.commit()
    told = order(house, subject="bo")[1]
    assert (told["key_count"], holder(told, "partner")["destroyed"]) == (KEYS_MAX, True)
    keys = house.get(f"destructions/{told['order']}")[1]["keys"]["provider"]
    handed = {"keys": keys, "method": "x" * METHOD_LENGTH_MAX}
    _, after = house.post(f"destructions/{told['order']}/certificates", handed, by="ops")
    assert holder(after, "provider")["destroyed"]
