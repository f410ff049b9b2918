"""Holds, orders to destroy, certificates, retention: on memory, with the partner cosigning when a test says so."""

import hashlib

import pytest
from hypothesis import given
from hypothesis.strategies import integers

from safeconduct.access import destruction, holds, retention
from safeconduct.access.certifying import METHOD_LENGTH_MAX, certify, certify_house
from safeconduct.access.cosigning import complete_cosign
from safeconduct.access.destruction import KEYS_MAX, find_order, order_destruction, orders
from safeconduct.access.destruction_events import DESTROY
from safeconduct.access.freezes import pending
from safeconduct.access.holds import place_hold, request_release
from safeconduct.access.model.changes import RequestKind
from safeconduct.access.records import joint_logs
from safeconduct.access.retention_events import RETENTION_TIMER, RETENTIONS
from safeconduct.access.waiting import COSIGN
from safeconduct.adapters.memory.keys import MemoryKeys
from safeconduct.kernel.effects import OUTBOX, TIMERS
from safeconduct.kernel.entries import Reader, Retention
from safeconduct.kernel.errors import AbsentError, ConflictError, InvalidInputError, RefusedError
from safeconduct.kernel.ids import Origin
from safeconduct.kernel.instants import DAY, parse_rfc3339, seconds
from safeconduct.ledger.log_events import LOG_SUCCEEDED, LogSucceeded
from safeconduct.ledger.sealing import DataKeyName, KeySelector, Readership
from support.logs import Counting
from support.programs import bring_into_force, cosigned, demo_program, in_force, signed
from support.readers import AUDITOR_KEY, PROVIDER_KEY, with_readers

OPERATION, BODY = "POST /api/v1/logs/destructions", b"{}"
CONTENT = hashlib.sha256(BODY).hexdigest()
AGREEMENT = "safeconduct.example/demo/ag-2026-01"
SHARED = Readership(
    readers=frozenset({Reader.PARTNER, Reader.PROVIDER}), house=True, wrap_for={Reader.PROVIDER: PROVIDER_KEY}
)
AUDITED = Readership(
    readers=frozenset({Reader.PARTNER, Reader.AUDITOR}), house=True, wrap_for={Reader.AUDITOR: AUDITOR_KEY}
)
OWN = Readership(readers=frozenset({Reader.PARTNER}), house=True)


class House:
    """A program in force, and data keys."""

    def __init__(self):
        self.writer = in_force(with_readers())
        self.keys = MemoryKeys(Counting())

    def key(self, subject="ana", *, kept=Retention.CALL, readership=SHARED, day=""):
        name = DataKeyName(origin=AGREEMENT, subject=subject, retention=kept, readers=readership.readers, day=day)
        made = self.keys.make(name, readership)
        self.keys.commit()
        return made.id

    def do(self, use_case, *arguments, by="ops", **more):
        act = signed(by, OPERATION, BODY, self.writer.now)
        return self.writer.run(lambda tx: use_case(tx, act, *arguments, operation=OPERATION, content=CONTENT, **more))

    def order(self, subject="ana", *, kept=None, by="ops", reason="asked for by ana"):
        selector = KeySelector(origin=AGREEMENT, subject=subject, retention=kept)
        return self.do(order_destruction, self.keys, selector, reason, by=by)

    def hold(self, subject=None, *, kept=None, by="bo", reason="case 12"):
        return self.do(place_hold, KeySelector(origin=AGREEMENT, subject=subject, retention=kept), reason, by=by)

    def release(self, hold, *, by="ops", reason="case closed"):
        return self.do(request_release, hold.id, reason, by=by)

    def cosign(self, request):
        index = next(n for n, entry in enumerate(self.log()) if entry.id == request)
        note = cosigned(AGREEMENT, index + 1)
        return self.writer.run(lambda tx: complete_cosign(tx, request, note, index=index))

    def log(self):
        return [entry for entry in self.writer.entries if entry.origin == AGREEMENT]

    def in_force(self, order):
        self.cosign(order.id)
        return find_order(self.writer.state, order.id)

    def house_destroys(self, order):
        self.keys.destroy(order.keys_of(Reader.PARTNER))
        return self.writer.run(lambda tx: certify_house(tx, order.id, "note", tx.now))

    def certify(self, order, *, by="ops", keys=None, method="deleted"):
        wanted = order.keys_of(Reader.PROVIDER) if keys is None else keys
        return self.do(certify, order.id, wanted, method, by=by)

    def look(self):
        return self.writer.run(lambda tx: retention.look(tx, self.keys, AGREEMENT))

    def effects(self, kind):
        return [effect for _, effect in self.writer.state.scan(OUTBOX) if effect.kind == kind]


@pytest.fixture
def house():
    return House()


def test_an_order_names_the_exact_keys_and_waits_for_the_partner(house):
    shared, own = house.key(), house.key(readership=OWN)
    house.key("bo")
    order = house.order()
    (requested,) = pending(house.writer.state, RequestKind.DESTRUCTION)
    assert (requested.request, order.enforced) == (order.id, None)
    assert [effect.key for effect in house.effects(COSIGN)] == [order.id]
    assert house.effects(DESTROY) == []
    assert order.keys_of(Reader.PARTNER) == tuple(sorted((shared, own)))
    assert (order.keys_of(Reader.PROVIDER), order.keys_of(Reader.AUDITOR)) == ((shared,), ())
    assert order.holders == ("partner", "provider")
    entry = house.log()[-1]
    assert (entry.type, entry.body["reason"], entry.act["actor"]) == (
        "access.destruction.ordered/1",
        "asked for by ana",
        "ops",
    )


def test_cosigned_it_is_in_force_and_the_house_destroys(house):
    shared = house.key()
    order = house.in_force(house.order())
    (effect,) = house.effects(DESTROY)
    assert (effect.key, effect.body) == (order.enforced, {"order": order.id})
    assert shared in house.keys.keys
    done = house.house_destroys(order)
    assert house.effects(DESTROY) == []
    assert house.keys.get(shared) is None
    said = house.log()[-1]
    assert (said.type, said.body["holder"], said.body["keys"]) == ("ledger.key.destroyed/1", "partner", [shared])
    assert set(done.certified) == {Reader.PARTNER}
    count = len(house.writer.entries)
    assert house.house_destroys(order) == done  # after a crash: once more, and nothing more
    assert len(house.writer.entries) == count


def test_the_other_holder_hands_in_its_certificate(house):
    house.key()
    order = house.in_force(house.order())
    done = house.certify(order)
    said = house.log()[-1]
    assert (said.body["holder"], said.body["method"], said.act["actor"]) == ("provider", "deleted", "ops")
    assert set(done.certified) == {Reader.PROVIDER}
    count = len(house.writer.entries)
    assert house.certify(order) == done
    assert len(house.writer.entries) == count


@pytest.mark.parametrize(("by", "code"), [("ivo", "not-a-holder"), ("eve", "not-a-holder"), ("ana", "role-missing")])
def test_who_holds_nothing_certifies_nothing(house, by, code):
    house.key()
    order = house.in_force(house.order())
    with pytest.raises(RefusedError) as caught:
        house.certify(order, by=by)
    assert caught.value.code == code


def test_a_certificate_is_for_all_keys_of_the_holder(house):
    keys = {house.key(kept=kept) for kept in Retention}
    order = house.in_force(house.order())
    for wrong in ([], sorted(keys)[:-1], [*keys, "ff" * 16]):
        with pytest.raises(InvalidInputError) as caught:
            house.certify(order, keys=wrong)
        assert caught.value.code == "certificate-incomplete"
    for method in ("", " ", "a\nb", "x" * (METHOD_LENGTH_MAX + 1)):
        with pytest.raises(InvalidInputError):
            house.certify(order, method=method)
    assert house.certify(order, keys=sorted(keys, reverse=True), method="x" * METHOD_LENGTH_MAX)


def test_nobody_certifies_before_the_partner_cosigned(house):
    house.key()
    order = house.order()
    with pytest.raises(ConflictError) as caught:
        house.certify(order)
    assert caught.value.code == "order-waits"
    house.in_force(order)
    assert house.certify(order)


def test_an_auditor_certifies_too(house):
    key = house.key(readership=AUDITED)
    order = house.in_force(house.order())
    assert house.certify(order, by="eve", keys=[key]).certified.keys() == {Reader.AUDITOR}


@pytest.mark.parametrize("by", ["ana", "bo", "eve"])
def test_who_is_no_administrator_orders_nothing(house, by):
    house.key()
    with pytest.raises(RefusedError) as caught:
        house.order(by=by)
    assert caught.value.code == "role-missing"


def test_without_a_reason_nothing_is_ordered_held_or_released(house):
    house.key()
    with pytest.raises(InvalidInputError):
        house.order(reason=" ")
    with pytest.raises(InvalidInputError):
        house.hold(reason="")
    hold = house.hold()
    with pytest.raises(InvalidInputError):
        house.release(hold, reason="")


def test_what_is_ordered_is_not_ordered_again(house):
    house.key()
    house.order()
    with pytest.raises(AbsentError) as caught:
        house.order()
    assert caught.value.code == "nothing-to-destroy"
    later = house.key(kept=Retention.OPERATIONS)
    assert house.order().keys_of(Reader.PARTNER) == (later,)


def test_an_order_takes_so_many_keys_and_the_next_the_rest(house):
    for number in range(KEYS_MAX + 1):
        house.key(day=f"2026-01-{number:04d}", readership=OWN)
    assert len(house.order().keys_of(Reader.PARTNER)) == KEYS_MAX
    assert len(house.order().keys_of(Reader.PARTNER)) == 1


@pytest.mark.parametrize(
    ("subject", "kept"), [(None, None), ("ana", None), (None, Retention.CALL), ("ana", Retention.CALL)]
)
def test_a_hold_that_fits_refuses_an_order(house, subject, kept):
    house.key()
    hold = house.hold(subject, kept=kept)
    with pytest.raises(RefusedError) as caught:
        house.order()
    assert (caught.value.code, caught.value.clause) == ("legal-hold", f"hold:{hold.id}")


@pytest.mark.parametrize(("subject", "kept"), [("bo", None), (None, Retention.CONTROL), ("ana", Retention.CONTROL)])
def test_a_hold_on_something_else_does_not(house, subject, kept):
    house.key()
    house.hold(subject, kept=kept)
    assert house.order()


def test_a_hold_that_comes_after_the_order_holds_what_is_not_destroyed_yet(house):
    house.key()
    order = house.in_force(house.order())
    house.hold("ana")
    with pytest.raises(RefusedError) as caught:
        destruction.refuse_held(house.writer.state, house.keys, order.keys_of(Reader.PARTNER), AGREEMENT)
    assert caught.value.code == "legal-hold"


def test_a_hold_ends_only_when_the_partner_has_cosigned_that(house):
    house.key()
    hold = house.hold()
    request = house.release(hold)
    assert [one.id for one in holds.holds(house.writer.state)] == [hold.id]
    with pytest.raises(RefusedError):
        house.order()
    with pytest.raises(ConflictError) as caught:
        house.release(hold)
    assert caught.value.code == "release-pending"
    house.cosign(request)
    assert list(holds.holds(house.writer.state)) == []
    assert house.order()
    with pytest.raises(AbsentError):
        house.release(hold)


@pytest.mark.parametrize("by", ["ana", "bo", "eve"])
def test_who_may_not_release_a_hold(house, by):
    hold = house.hold()
    with pytest.raises(RefusedError) as caught:
        house.release(hold, by=by)
    assert caught.value.code == "role-missing"


DAYS_30 = seconds(30 * 24 * 3600)


def test_retention_orders_what_is_over_its_days_and_nothing_else(house):
    house.writer.now = parse_rfc3339("2026-12-22T00:00:00Z")
    due = house.key(day="2026-11-21")
    house.key(day="2026-11-22")
    house.key(day="2026-11-21", kept=Retention.CONTROL)
    house.key()
    said = house.look()
    (order,) = orders(house.writer.state)
    assert order.keys_of(Reader.PARTNER) == (due,)
    assert (order.by, order.before, said.body["ordered"]) == ("retention:call", "2026-11-22", [order.id])
    assert len(pending(house.writer.state, RequestKind.DESTRUCTION)) == 1  # waits for the partner as any other
    assert said.body["next_at"] == parse_rfc3339("2026-12-23T00:00:00Z")
    assert house.look().body["ordered"] == []


@pytest.mark.parametrize(
    ("now", "due"),
    [("2026-12-21T23:59:59.999999Z", 0), ("2026-12-22T00:00:00Z", 1)],
)
def test_a_day_is_over_when_all_of_it_is(house, now, due):
    house.key(day="2026-11-21")
    house.writer.now = parse_rfc3339(now)
    assert len(house.look().body["ordered"]) == due


def test_a_hold_postpones_retention_and_says_so(house):
    house.writer.now = parse_rfc3339("2026-12-22T00:00:00Z")
    house.key(day="2026-11-21")
    other = house.key("bo", day="2026-11-21")
    hold = house.hold("ana")
    said = house.look()
    (order,) = orders(house.writer.state)
    assert order.keys_of(Reader.PARTNER) == (other,)
    assert said.body["postponed"] == [{"hold": hold.id, "keys": 1}]
    assert house.writer.state.get(RETENTIONS, AGREEMENT).postponed[0].hold == hold.id
    house.cosign(house.release(hold))
    assert len(house.look().body["ordered"]) == 1


def test_held_keys_take_no_place_from_those_that_are_free(house):
    house.writer.now = parse_rfc3339("2026-12-22T00:00:00Z")
    for number in range(KEYS_MAX):
        house.key(f"s{number}", day="2026-11-21", readership=OWN)
        if number == 0:
            house.hold("s0")
    house.key("last", day="2026-11-21", readership=OWN)
    said = house.look()
    (order,) = orders(house.writer.state)
    assert len(order.keys_of(Reader.PARTNER)) == KEYS_MAX
    assert said.body["next_at"] == parse_rfc3339("2026-12-23T00:00:00Z")


def test_what_one_order_can_not_take_comes_a_minute_later(house):
    house.writer.now = parse_rfc3339("2026-12-22T00:00:00Z")
    for number in range(KEYS_MAX + 1):
        house.key(f"s{number}", day="2026-11-21", readership=OWN)
    assert house.look().body["next_at"] == house.writer.now + retention.AGAIN
    house.look()
    assert [len(order.keys_of(Reader.PARTNER)) for order in orders(house.writer.state)] == [KEYS_MAX, 1]


def timers(house):
    return [timer for _, timer in house.writer.state.scan(TIMERS) if timer.kind == RETENTION_TIMER]


def test_one_timer_stands_while_a_class_is_limited(house):
    (first,) = timers(house)
    assert (first.key, first.due_at) == (AGREEMENT, house.writer.now)
    house.look()
    (second,) = timers(house)
    assert second.due_at == parse_rfc3339("2026-11-22T00:00:00Z")
    bring_into_force(house.writer, with_readers().replace(b"call: 30", b"call: 31"))
    assert timers(house) == [second]
    bring_into_force(house.writer, demo_program())
    assert house.look().body["next_at"] is None
    assert timers(house) == []
    with pytest.raises(AbsentError):
        house.look()


NEXT = Origin(f"{AGREEMENT}/2")


def succeeded(house):
    """Closes the joint log, as if its key had been copied: what waits is withdrawn, and the next one goes on."""
    event = LogSucceeded(
        predecessor=AGREEMENT, predecessor_key="", closed=None, why="compromised", reason="copied", trusted=""
    )
    house.writer.run(lambda tx: tx.append(NEXT, LOG_SUCCEEDED.draft(event)))


def test_an_order_that_waited_when_its_log_was_closed_is_withdrawn_and_may_be_given_again(house):
    house.key()
    first = house.order()
    succeeded(house)
    assert list(orders(house.writer.state)) == []
    assert house.order().keys_of(Reader.PARTNER) == first.keys_of(Reader.PARTNER)


def test_a_hold_and_retention_go_on_in_the_log_that_goes_on(house):
    house.writer.now = parse_rfc3339("2026-12-22T00:00:00Z")
    hold = house.hold("ana")
    succeeded(house)
    held, free = (
        house.keys.make(
            DataKeyName(
                origin=NEXT, subject=subject, retention=Retention.CALL, readers=SHARED.readers, day="2026-11-21"
            ),
            SHARED,
        ).id
        for subject in ("ana", "bo")
    )
    house.keys.commit()
    said = house.look()
    (order,) = orders(house.writer.state)
    assert (order.origin, order.keys_of(Reader.PARTNER)) == (NEXT, (free,))
    assert said.body["postponed"] == [{"hold": hold.id, "keys": 1}]
    assert held in house.keys.keys


def test_retention_goes_on_for_what_the_closed_log_sealed(house):
    house.writer.now = parse_rfc3339("2026-12-22T00:00:00Z")
    old = house.key(day="2026-11-21", readership=OWN)
    succeeded(house)
    assert joint_logs(house.writer.state) == (AGREEMENT, NEXT)
    house.look()
    (order,) = orders(house.writer.state)
    assert (order.origin, order.log, order.keys_of(Reader.PARTNER)) == (AGREEMENT, NEXT, (old,))
    bring_into_force(house.writer, with_readers().replace(b"call: 30", b"call: 31"))
    (timer,) = timers(house)
    assert timer.key == AGREEMENT


@given(now=integers(0, 4_000_000_000_000_000), days=integers(1, 3_650))
def test_no_key_goes_before_its_last_value_is_old_enough(now, days):
    now += days * DAY
    kept = parse_rfc3339(f"{retention.first_day_kept(now, days)}T00:00:00Z")
    last_due = kept - 1  # the last microsecond of the last day that goes
    assert now - last_due > days * DAY
    assert now - (kept + DAY - 1) <= days * DAY  # and the next day is not due yet
