"""The list's text, and the tokens that open it."""

import pytest

from safeconduct.access.secrets import make_secret, secret_hash
from safeconduct.adapters.memory.records import MemoryState
from safeconduct.kernel.errors import AbsentError, InvalidInputError, RefusedError
from safeconduct.kernel.ids import ActionId
from safeconduct.kernel.instants import Instant
from safeconduct.soc.actions.edl import ADDRESSES, LISTS, ListedAddress, ListState, check_token, render
from safeconduct.soc.actions.list_tokens import PROBE_HOLDER, issue_list_token, issue_probe_token
from support.programs import signed
from support.responses import BODY, CONTENT, OPERATION, desk


def state_of(*addresses, until=100):
    state = MemoryState()
    for number, address in enumerate(addresses):
        listed = ListedAddress(
            list="block-ip", address=address, action=ActionId(str(number)), listed_at=Instant(1), until=Instant(until)
        )
        state.put(ADDRESSES, f"block-ip/{address}", listed)
    state.put(LISTS, "block-ip", ListState(revision=1, changed_at=Instant(1)))
    return state


def test_one_address_a_line_sorted_by_number_version_4_first():
    state = state_of("203.0.113.66", "2001:db8::7", "198.51.100.9", "198.51.100.10", "9.9.9.9")
    assert render(state, "block-ip", Instant(5)).text == (
        "9.9.9.9\n198.51.100.9\n198.51.100.10\n203.0.113.66\n2001:db8::7\n"
    )


def test_the_same_addresses_have_the_same_tag_whatever_order_they_came_in():
    one, other = state_of("203.0.113.66", "9.9.9.9"), state_of("9.9.9.9", "203.0.113.66")
    assert render(one, "block-ip", Instant(5)) == render(other, "block-ip", Instant(5))
    assert render(state_of("9.9.9.9"), "block-ip", Instant(5)).etag != render(one, "block-ip", Instant(5)).etag


def test_an_address_leaves_the_list_at_its_very_end_and_the_change_has_that_time():
    state = state_of("203.0.113.66", until=100)
    before, after = render(state, "block-ip", Instant(99)), render(state, "block-ip", Instant(100))
    assert (before.text, before.changed_at) == ("203.0.113.66\n", 1)
    assert (after.text, after.changed_at) == ("", 100)
    assert before.etag != after.etag


def test_a_list_is_only_its_own():
    assert render(state_of("203.0.113.66"), "block", Instant(5)).text == ""


def issue(here, holder, token, actor="ops"):
    act = signed(actor, OPERATION, BODY, here.writer.now)
    here.writer.run(
        lambda tx: issue_list_token(tx, act, secret_hash(token), holder=holder, operation=OPERATION, content=CONTENT)
    )


def test_each_holder_has_a_token_and_a_new_one_ends_the_former():
    here = desk()
    issue(here, "firewall-1", "one")
    issue(here, "firewall-2", "two")
    state = here.writer.state
    assert check_token(state, "block-ip", "one") == "firewall-1"
    assert check_token(state, "block-ip", "two") == "firewall-2"
    issue(here, "firewall-1", "three")
    assert check_token(here.writer.state, "block-ip", "three") == "firewall-1"
    for wrong in ("one", "", "Two", "two ", "\ud800"):
        with pytest.raises(RefusedError) as caught:
            check_token(here.writer.state, "block-ip", wrong)
        assert caught.value.code == "list-token-wrong"


def test_the_log_holds_a_hash_and_never_the_token():
    here = desk()
    token = make_secret(lambda count: bytes(range(count)))
    assert len(token) == 43
    issue(here, "firewall-1", token)
    body = here.writer.entries[-1].body
    assert body == {"list": "block-ip", "holder": "firewall-1", "hash": secret_hash(token)}


def test_a_list_for_which_nobody_has_a_token_is_unknown():
    for name in ("block-ip", "block", ""):
        with pytest.raises(AbsentError):
            check_token(desk().writer.state, name, "x")


@pytest.mark.parametrize("holder", ["", "a/b", "probe", "ignore this", "x" * 65])
def test_a_holder_is_a_name_and_not_the_servers(holder):
    here = desk()
    with pytest.raises(InvalidInputError):
        issue(here, holder, "x")


def test_only_an_administrator_issues_tokens():
    with pytest.raises(RefusedError):
        issue(desk(), "firewall-1", "x", actor="ana")


def test_the_server_fetches_with_a_token_of_its_own():
    here = desk()
    here.writer.run(lambda tx: issue_probe_token(tx, secret_hash("own")))
    assert check_token(here.writer.state, "block-ip", "own") == PROBE_HOLDER
