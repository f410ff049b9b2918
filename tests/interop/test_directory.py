"""Accounts locked and sessions ended in a real directory: who is locked can't sign on, and can again after it."""

import pytest

from safeconduct.adapters.responses.ldap import AccountLock, Directory, SessionEnd
from safeconduct.kernel.errors import RefusedError, UnavailableError
from safeconduct.kernel.ids import ActionId, IncidentId
from safeconduct.kernel.instants import Instant
from safeconduct.soc.actions.ports import Order, Standing
from support.slapd import ADMIN, PASSWORD, PEOPLE, SESSIONS, directory, sessions, signs_on


@pytest.fixture(scope="module")
def port(tmp_path_factory):
    with directory(tmp_path_factory.mktemp("slapd")) as found:
        yield found


def at(port, **named):
    stated = {"host": "127.0.0.1", "port": port, "tls": False, "bind": ADMIN, "password": PASSWORD, "base": PEOPLE}
    return Directory(**{**stated, **named})


def order(target, kind="disable-user"):
    return Order(action=ActionId("a"), kind=kind, target=target, incident=IncidentId("i"), until=Instant(0))


def test_who_is_locked_cannot_sign_on_until_it_is_undone(port):
    point, one = AccountLock(at(port)), order("alice")
    assert signs_on(port, "alice", "alice-secret")
    before = point.look(one)
    assert before == Standing(held=False, note={"locked": ""})
    for _ in range(2):
        point.apply(one, before)
    assert point.look(one).held
    assert not signs_on(port, "alice", "alice-secret")
    assert signs_on(port, "bob", "bob-secret")
    for _ in range(2):
        point.undo(one, before)
    assert point.look(one) == before
    assert signs_on(port, "alice", "alice-secret")


def test_who_was_locked_before_stays_locked(port):
    point, one = AccountLock(at(port)), order("bob")
    point.apply(one, Standing(held=False))
    before = point.look(one)
    assert before.held
    point.apply(one, before)
    point.undo(one, before)
    assert not signs_on(port, "bob", "bob-secret")
    point.undo(one, Standing(held=False, note={"locked": ""}))
    assert signs_on(port, "bob", "bob-secret")


def test_all_sessions_of_the_account_end_and_no_others(port):
    point, one = SessionEnd(at(port), SESSIONS, "serialNumber"), order("alice", "end-sessions")
    assert sessions(port) == ["alice-1", "alice-2", "bob-1", "bob-2"]
    before = point.look(one)
    for _ in range(2):
        point.apply(one, before)
    assert point.look(one).held
    assert sessions(port) == ["bob-1", "bob-2"]
    point.undo(one, before)
    assert sessions(port) == ["bob-1", "bob-2"]


@pytest.mark.parametrize("target", ["carol", "*", "a*", "x)(uid=*"])
def test_a_name_is_one_account_and_never_a_pattern(port, target):
    with pytest.raises(RefusedError) as caught:
        AccountLock(at(port)).apply(order(target), Standing(held=False))
    assert caught.value.code == "account-unknown"
    assert signs_on(port, "alice", "alice-secret")


def test_the_account_that_we_are_bound_as_is_never_locked(port):
    admin = at(port, bind=f"uid=bob,{PEOPLE}", password="bob-secret")
    with pytest.raises(RefusedError) as caught:
        AccountLock(admin).look(order("bob"))
    assert caught.value.code == "own-account"


def test_without_the_right_nothing_is_changed(port):
    point = AccountLock(at(port, bind=f"uid=bob,{PEOPLE}", password="bob-secret"))
    with pytest.raises(RefusedError) as caught:
        point.apply(order("alice"), Standing(held=False))
    assert caught.value.code == "directory-refused"
    assert signs_on(port, "alice", "alice-secret")


def test_a_wrong_password_and_a_directory_that_is_away_are_told_apart(port):
    with pytest.raises(RefusedError) as caught:
        AccountLock(at(port, password="wrong")).look(order("alice"))
    assert caught.value.code == "directory-refused"
    with pytest.raises(UnavailableError) as caught:
        AccountLock(at(1)).look(order("alice"))
    assert caught.value.code == "directory-silent"
